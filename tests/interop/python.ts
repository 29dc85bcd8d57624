/** A Python with the packages of `requirements.txt`, in a folder that git ignores. It is made once. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/node-binaries.ts";

const folder = join(root, "node_modules/.cache/interop-python");
const requirements = join(import.meta.dirname, "requirements.txt");
/** Written last: the requirements that the folder has. */
const made = join(folder, "made-of.txt");
const isWindows = process.platform === "win32";
const python = join(folder, isWindows ? "Scripts/python.exe" : "bin/python");
const installMs = 5 * 60_000;

/** The program, or why there is none. */
export type Python = { readonly python: string } | { readonly missing: string };

export function findPython(): Python {
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(made) && readFileSync(made, "utf8") === wanted) return { python };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const problem =
    run(isWindows ? "python" : "python3", ["-m", "venv", folder]) ??
    run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  if (problem !== undefined) return { missing: problem };
  writeFileSync(made, wanted);
  return { python };
}

function run(command: string, args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: installMs });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? `${command} failed`);
}
