/** `perdure tasks artifacts` and `artifact`: what a task has left beside its result. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Artifact } from "../../task/artifact.ts";
import { CommandError, type ExitCode, exitCodes } from "../exit.ts";
import { type Output, printable } from "../output.ts";
import type { TaskSource } from "./source.ts";

export async function artifacts(source: TaskSource, id: string, out: Output): Promise<ExitCode> {
  const found = await source.artifacts(id);
  const text = found.length === 0 ? "The task has left no artifacts." : found.map(row).join("\n");
  out.answer(
    found.map(({ name, mediaType, size, sha256 }) => ({ name, media_type: mediaType, size, sha256 })),
    text,
  );
  return exitCodes.ok;
}

/**
 * To a file, which appears when it is whole and what was recorded; or to standard output, and nothing else there.
 * @throws CommandError `failed` when it is not what was recorded
 */
export async function artifact(
  source: TaskSource,
  id: string,
  name: string,
  file: string | undefined,
  out: Output,
): Promise<ExitCode> {
  const found = (await source.artifacts(id)).find((candidate) => candidate.name === name);
  if (found === undefined) {
    throw new CommandError(exitCodes.notFound, `task ${id} has no artifact "${printable(name)}".`);
  }
  const content = await source.artifact(id, name);
  if (file === undefined) {
    await copy(found, content, process.stdout, { end: false });
    return exitCodes.ok;
  }
  const part = `${file}.part`;
  try {
    await copy(found, content, createWriteStream(part), {});
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof CommandError || !("syscall" in (error as object))) throw error;
    const message = `${file} cannot be written: ${(error as Error).message}`;
    throw new CommandError(exitCodes.usage, message, { cause: error });
  }
  out.answer({ task_id: id, name, file, size: found.size }, `${file}: ${found.size} bytes.`);
  return exitCodes.ok;
}

async function copy(
  { name, sha256 }: Artifact,
  content: Readable,
  to: Writable,
  options: { readonly end?: false },
): Promise<void> {
  const hash = createHash("sha256");
  content.on("data", (chunk: Buffer) => hash.update(chunk));
  await pipeline(content, to, options);
  if (hash.digest("hex") === sha256) return;
  throw new CommandError(
    exitCodes.failed,
    `"${printable(name)}" is not what was recorded: its SHA-256 differs.`,
  );
}

function row({ name, mediaType, size }: Artifact): string {
  return `${String(size).padStart(14)}  ${mediaType.padEnd(28)}  ${printable(name)}`;
}
