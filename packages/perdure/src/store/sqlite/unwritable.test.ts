/**
 * Disks that cannot be written. Permissions mean nothing to root, so these mount a file system of their own, in a
 * mount namespace that ends with the process in it; where that is not allowed (no root, no Linux), folders without
 * permission say the same, and a disk that is full is left out.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "./index.ts";
import { request, temporaryFolder } from "./processes.fixture.ts";

const root = process.getuid?.() === 0;
const mayMount = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/tmp"]).status === 0;
const why = "no permission to mount";

interface Outcome {
  readonly opened: boolean;
  readonly created: boolean;
  readonly code?: string;
  readonly message?: string;
}

/** Opens the file and creates a task, in a process that sees what `mount` has mounted at $FOLDER. */
function openWith(mount: string, folder: string, file = join(folder, "tasks.db")): Outcome {
  const program = `
    import { openSqliteStore } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    let opened = false;
    try {
      const store = openSqliteStore({ file: process.env.FILE });
      opened = true;
      await store.create({ id: "a", tool: "train", owner: "ada", input: 1 });
      await store.close();
      console.log(JSON.stringify({ opened, created: true }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ opened, created: false, code, message }));
    }`;
  const script = `${mount}\nexec "$NODE" --no-warnings --input-type=module -e "$PROGRAM"`;
  const env = { ...process.env, NODE: process.execPath, PROGRAM: program, FOLDER: folder, FILE: file };
  const before = mount === "" ? [] : ["unshare", "-m"];
  const output = execFileSync("env", [...before, "sh", "-ec", script], {
    env,
    encoding: "utf8",
    cwd: fileURLToPath(new URL(".", import.meta.url)),
  });
  return JSON.parse(output) as Outcome;
}

async function usedFile(folder: string): Promise<string> {
  const file = join(folder, "tasks.db");
  const store = openSqliteStore({ file });
  await store.create(request());
  await store.close();
  return file;
}

const readOnly = 'mount --bind "$FOLDER" "$FOLDER" && mount -o remount,ro,bind "$FOLDER"';

describe("a file that cannot be written", () => {
  it("lies on a disk that is mounted read-only: it is said at opening", async ({ skip }) => {
    skip(!mayMount, why);
    const folder = temporaryFolder();
    await usedFile(folder);
    expect(openWith(readOnly, folder)).toMatchObject({ opened: false, code: "STORE_READ_ONLY" });
  });

  it("is missing, and its folder is read-only: it is said at opening", ({ skip }) => {
    skip(!mayMount, why);
    const folder = temporaryFolder();
    expect(openWith(readOnly, folder)).toMatchObject({ opened: false, code: "STORE_READ_ONLY" });
    expect(openWith(readOnly, folder, join(folder, "new", "tasks.db"))).toMatchObject({
      code: "STORE_READ_ONLY",
    });
  });

  it("is read-only itself: it is said at opening", async ({ skip }) => {
    skip(!mayMount && root, why);
    const folder = temporaryFolder();
    const file = await usedFile(folder);
    if (!root) chmodSync(file, 0o400);
    const mount = root ? 'mount --bind "$FILE" "$FILE" && mount -o remount,ro,bind "$FILE"' : "";
    expect(openWith(mount, folder)).toMatchObject({
      opened: false,
      code: "STORE_READ_ONLY",
      message: expect.stringContaining(file) as string,
    });
  });

  it("may be written, but not its folder, for a user that is not root", async ({ skip }) => {
    skip(root, "permissions mean nothing to root");
    const folder = temporaryFolder();
    await usedFile(folder);
    chmodSync(folder, 0o500);
    try {
      expect(openWith("", folder)).toMatchObject({ created: false, code: "STORE_READ_ONLY" });
    } finally {
      chmodSync(folder, 0o700);
    }
  });
});

describe("a disk that is full", () => {
  const small = (sizeKb: number): string => `mount -t tmpfs -o size=${sizeKb}k none "$FOLDER"`;

  it.for([0, 8, 40, 64, 100])(
    "with %i KB left is an error that says so, at opening or at the first task, and never another",
    (leftKb, { skip }) => {
      skip(!mayMount, why);
      const folder = temporaryFolder();
      const fill = `${small(160)} && head -c ${(160 - leftKb) * 1_024} /dev/zero > "$FOLDER/ballast"`;
      const outcome = openWith(fill, folder);
      expect(outcome.created || outcome.code).toSatisfy((end) => end === true || end === "STORE_FULL");
      expect(outcome.opened && leftKb <= 40, "so little is said at opening").toBe(false);
    },
  );
});
