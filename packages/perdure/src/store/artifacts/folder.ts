/**
 * Artifacts as files: `FOLDER/task/hash.attempt`, readable by this user only.
 *
 * A file is written under a temporary name, flushed, renamed, and its folder flushed: after a power cut it is whole or
 * not there. Symbolic links are followed nowhere below the folder itself: not to write, to read or to delete.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import type { TaskId } from "../../task/id.ts";
import { artifactFile, taskFolder } from "./artifact-path.ts";
import type { ArtifactKey, ArtifactStore, ArtifactWriter, ByteRange } from "./artifact-store.ts";
import { fileError, goneError } from "./errors.ts";

export interface FolderArtifactsOptions {
  /** Is told what is being done, before it is: a test dies there. */
  readonly at?: (stage: WriteStage) => void;
}

/** What writing one artifact goes through. */
export type WriteStage = "folder" | "file" | "write" | "flush" | "rename" | "flush folder" | "written";

/** In a folder, which is made when it is first needed. */
export function openFolderArtifacts(folder: string, options: FolderArtifactsOptions = {}): ArtifactStore {
  return new FolderArtifacts(resolve(folder), options);
}

/** In a folder that goes at the close: for a record in memory. */
export function openTemporaryArtifacts(): ArtifactStore {
  let made: Promise<FolderArtifacts> | undefined;
  const store = (): Promise<FolderArtifacts> =>
    (made ??= mkdtemp(join(tmpdir(), "perdure-artifacts-")).then(
      (folder) => new FolderArtifacts(folder, {}),
    ));
  return {
    location: "a temporary folder",
    create: async (key) => (await store()).create(key),
    open: async (key, range) => (await store()).open(key, range),
    remove: async (key) => (await made)?.remove(key),
    sweep: async (taskId, keep) => (await made)?.sweep(taskId, keep),
    close: async () => {
      if (made !== undefined) await rm((await made).location, { recursive: true, force: true });
    },
  };
}

/** Windows has no such flag, and no links that need no privilege. */
const noFollow = constants.O_NOFOLLOW as number | undefined;

class FolderArtifacts implements ArtifactStore {
  readonly location: string;
  readonly #options: FolderArtifactsOptions;

  constructor(folder: string, options: FolderArtifactsOptions) {
    this.location = folder;
    this.#options = options;
  }

  async create(key: ArtifactKey): Promise<ArtifactWriter> {
    return this.#told(async () => {
      this.#options.at?.("folder");
      const folder = join(this.location, taskFolder(key.taskId));
      await mkdir(this.location, { recursive: true, mode: 0o700 });
      await makeFolder(folder, this.location);
      const file = join(folder, artifactFile(key));
      const temporary = `${file}.tmp`;
      this.#options.at?.("file");
      // Of the same attempt, after the record was put back to an older copy.
      await rm(temporary, { force: true });
      const handle = await open(temporary, "wx", 0o600);
      return this.#writer({ handle, temporary, file, folder });
    });
  }

  #writer({ handle, temporary, file, folder }: OpenedFile): ArtifactWriter {
    return {
      write: (chunk) =>
        this.#told(async () => {
          this.#options.at?.("write");
          await handle.appendFile(chunk);
        }),
      finish: () =>
        this.#told(async () => {
          this.#options.at?.("flush");
          await handle.sync();
          await handle.close();
          this.#options.at?.("rename");
          await rename(temporary, file);
          this.#options.at?.("flush folder");
          await flushFolder(folder);
          this.#options.at?.("written");
        }),
      abort: () =>
        this.#told(async () => {
          await handle.close();
          await rm(temporary, { force: true });
        }),
    };
  }

  async open(key: ArtifactKey, range?: ByteRange): Promise<Readable> {
    return this.#told(async () => {
      const folder = join(this.location, taskFolder(key.taskId));
      const found = await lstat(folder).catch(missing);
      if (found?.isDirectory() !== true) throw goneError(key.name, this.location);
      const handle = await open(join(folder, artifactFile(key)), constants.O_RDONLY | (noFollow ?? 0)).catch(
        missing,
      );
      if (handle === undefined) throw goneError(key.name, this.location);
      return handle.createReadStream({ ...range, highWaterMark: readBytes });
    });
  }

  async remove(key: ArtifactKey): Promise<void> {
    const file = join(this.location, taskFolder(key.taskId), artifactFile(key));
    await this.#told(() => Promise.all([file, `${file}.tmp`].map((path) => rm(path, { force: true }))));
  }

  async sweep(taskId: TaskId, keep: readonly ArtifactKey[]): Promise<void> {
    const folder = join(this.location, taskFolder(taskId));
    await this.#told(async () => {
      // `rm` removes a link, not what it leads to; to read a folder would follow one.
      const found = await lstat(folder).catch(missing);
      if (keep.length === 0 || found?.isDirectory() !== true) {
        await rm(folder, { recursive: true, force: true });
        return;
      }
      const kept = new Set(keep.map(artifactFile));
      for (const name of await readdir(folder)) {
        if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
      }
    });
  }

  async close(): Promise<void> {
    // Nothing is held open but by those who read and write.
  }

  async #told<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw fileError(error, this.location);
    }
  }
}

interface OpenedFile {
  readonly handle: FileHandle;
  readonly temporary: string;
  readonly file: string;
  readonly folder: string;
}

/** As large as keeps a read from costing more than what it reads. */
const readBytes = 262_144;

async function makeFolder(folder: string, parent: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
    await flushFolder(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!(await lstat(folder)).isDirectory()) throw error;
  }
}

/** Without it a new name may be lost in a power cut, whatever was flushed of the file. Windows cannot, and need not. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function missing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ELOOP") return undefined;
  throw error;
}
