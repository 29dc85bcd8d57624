/** Runs a program, opens files until no more can be, runs two, closes them again and runs one: says how each ended. */
import { closeSync, openSync } from "node:fs";
import { toCommand } from "./exec.ts";
import { forgetGroup, guardGroup } from "./guardian.ts";
import { runCommand } from "./run-command.ts";

async function run(): Promise<void> {
  const ended = runCommand(toCommand("true", [], {}), () => undefined, new AbortController().signal);
  const said = await ended.then(
    ({ exitCode }) => `exit ${exitCode}`,
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
  process.stdout.write(`${said}\n`);
}

async function main(): Promise<void> {
  const guarded = process.argv[2] === "guarded";
  if (guarded) await run();
  const files: number[] = [];
  try {
    for (;;) files.push(openSync("/dev/null", "r"));
  } catch {
    // So it is wanted.
  }
  await run();
  // The guardian of a program that has begun cannot begin itself.
  if (!guarded) guardGroup(2 ** 22 + 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const file of files) closeSync(file);
  if (!guarded) forgetGroup(2 ** 22 + 1);
  await run();
}

void main();
