/** A folder on a real disk: on a file system in memory, `fdatasync` costs nothing and every ratio would be a lie. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The magic numbers of `statfs(2)`. */
const fileSystems: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0x794c7630, "overlayfs"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);
const inMemory: ReadonlySet<string> = new Set(["tmpfs", "ramfs"]);

export interface Folder extends Disposable {
  readonly path: string;
  readonly fileSystem: string;
}

/** Makes a folder that goes with its scope: in `parent`, or else in the first of these that is on a disk. */
export function folderOnDisk(parent: string | undefined): Folder {
  const candidates = parent === undefined ? [tmpdir(), "/var/tmp", process.cwd()] : [parent];
  const found = candidates.find((path) => !inMemory.has(fileSystemOf(path)));
  if (found === undefined) {
    throw new Error(`No disk: ${candidates.join(", ")} are in memory. Name a folder on a disk with --dir.`);
  }
  const path = mkdtempSync(join(found, "perdure-bench-"));
  return {
    path,
    fileSystem: fileSystemOf(path),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

function fileSystemOf(path: string): string {
  const { type } = statfsSync(path);
  return fileSystems.get(type) ?? `0x${type.toString(16)}`;
}
