/** What a program finds around it: the little that every program needs, and what its caller gives it. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** No secret stands in these. The second line is Windows'. */
const handedOn = [
  ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"],
  ["SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "Path"],
].flat();

export function environmentOf(given: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => handedOn.includes(key) || key.startsWith("LC_"));
  return { ...Object.fromEntries(own), ...given };
}

/** The file of a command, as a shell finds it; `undefined` where there is none that may be run. */
export function findCommand(command: string, env: NodeJS.ProcessEnv, cwd: string): string | undefined {
  if (command.includes("/") || isAbsolute(command)) {
    const file = resolve(cwd, command);
    return isExecutable(file) ? file : undefined;
  }
  const folders = (env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => resolve(cwd, join(folder, command))).find(isExecutable);
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
