/**
 * `task.exec`: a step whose work is a process. Its exit and the tail of its output are the step's result, recorded and
 * replayed as any other; an exit that is not 0 is an `ExecError`, which keeps them too.
 *
 * The process leads a group of its own, and the whole group is killed with the attempt, and with this process
 * (`guardian.ts`). It is always a child of the process, never of a thread: a thread that is ended could not wait for it.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type Duration, toMs } from "../../task/duration.ts";
import { quote } from "../../task/errors.ts";
import { canonicalJson } from "../../task/json.ts";
import type { RetryOptions } from "../../task/retry.ts";

export type OutputStream = "stdout" | "stderr";

export interface ExecOptions {
  /** Default: the command and a hash of its arguments. */
  readonly name?: string;
  /** Called with each line, without its end. What it throws ends the process, and is thrown. */
  readonly onLine?: (line: string, stream: OutputStream) => void;
  /**
   * Beside what every program needs (`PATH`, `HOME`, `LANG`, `TMPDIR`, `TZ`, …): nothing else of this process's
   * environment is handed on, since secrets stand there. `{ ...process.env }` does.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: that of this process. */
  readonly cwd?: string;
  /** Standard input; without it there is none. */
  readonly input?: string | Uint8Array;
  /** Limits one try. Default: none beyond the task's. */
  readonly timeout?: Duration;
  /** How long it has after SIGTERM; then SIGKILL. Default 5 s. */
  readonly grace?: Duration;
  /** As of a step. */
  readonly retry?: RetryOptions;
  /** How much of the end of each stream is kept. Default 16 KiB. */
  readonly maxOutputBytes?: number;
}

/** What is left of a process that ended well: the ends of its output, of at most `maxOutputBytes` each. */
export type ExecResult = {
  readonly exitCode: 0;
  readonly stdout: string;
  readonly stderr: string;
};

/** A command as plain data, with every default filled in. */
export interface Command {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string | undefined;
  readonly input: string | Uint8Array | undefined;
  readonly timeoutMs: number | undefined;
  readonly graceMs: number;
  readonly maxOutputBytes: number;
}

export type OutputLine = readonly [line: string, stream: OutputStream];

/** Reads on when what it gave is dealt with. @throws ExecError, PerdureError `STEP_TIMEOUT`, the reason of the signal */
export type RunCommand = (
  command: Command,
  onLines: (lines: readonly OutputLine[]) => void | Promise<void>,
  signal: AbortSignal,
) => Promise<ExecResult>;

/** @throws PerdureError `INVALID_OPTION` */
export function toCommand(command: string, args: readonly string[], options: ExecOptions): Command {
  const { cwd, input, timeout, grace = "5s", maxOutputBytes = 16_384, env = {} } = options;
  const name = options.name ?? `${basename(command)}:${hashOf(command, args, options)}`;
  const setting = (key: string): string => `exec ${quote(name)}: ${key}`;
  return {
    name,
    command,
    args,
    env,
    cwd,
    input,
    maxOutputBytes,
    timeoutMs: timeout === undefined ? undefined : toMs(timeout, setting("timeout")),
    graceMs: toMs(grace, setting("grace")),
  };
}

function hashOf(command: string, args: readonly string[], { cwd = "", input = "" }: ExecOptions): string {
  const hash = createHash("sha256").update(canonicalJson([command, ...args, cwd]));
  return hash.update(input).digest("hex").slice(0, 12);
}
