/** Runs a command to its end, or to that of the attempt. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { ExecError, PerdureError, quote } from "../../task/errors.ts";
import { environmentOf, findCommand, isFolder } from "./environment.ts";
import type { Command, OutputLine, RunCommand } from "./exec.ts";
import { forgetGroup, gate, guardGroup, shell } from "./guardian.ts";
import { Output } from "./output.ts";

/** Whoever left the group may still hold the pipes open. */
const lastOutputMs = 1_000;
const windows = process.platform === "win32";

export const runCommand: RunCommand = async (command, onLines, signal) => {
  signal.throwIfAborted();
  const child = start(command);
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const stop = new AbortController();
  const ending = AbortSignal.any([signal, stop.signal]);
  const give = async (lines: readonly OutputLine[]): Promise<void> => {
    try {
      if (!stop.signal.aborted) await onLines(lines);
    } catch (error) {
      stop.abort(error);
    }
  };
  const outputs = [
    new Output(child.stdout, "stdout", command.maxOutputBytes, give),
    new Output(child.stderr, "stderr", command.maxOutputBytes, give),
  ] as const;
  const timeout = after(command.timeoutMs, () => stop.abort(timedOut(command)));
  const callOff = killOnAbort(child, ending, command.graceMs);
  try {
    const [exitCode, exitSignal] = await exit;
    kill(child, "SIGKILL"); // what it left behind
    const [stdout, stderr] = await Promise.all(outputs.map((output) => output.end(lastOutputMs)));
    if (ending.aborted) throw ending.reason;
    const left = { exitCode, signal: exitSignal, stdout: stdout ?? "", stderr: stderr ?? "" };
    if (exitCode !== 0) throw new ExecError(command.command, left);
    return { exitCode, stdout: left.stdout, stderr: left.stderr };
  } finally {
    clearTimeout(timeout);
    callOff();
    if (child.pid !== undefined && !windows) forgetGroup(child.pid);
  }
};

/** The process leads a group of its own; it goes on as the program when its guardian knows it. */
function start(command: Command): ChildProcess {
  const { args, cwd = process.cwd(), input } = command;
  const env = environmentOf(command.env);
  if (!isFolder(cwd)) throw notStarted(command, `there is no folder ${cwd}`);
  const stdin = input === undefined ? "ignore" : "pipe";
  if (windows) return feed(spawn(command.command, args, { cwd, env, stdio: [stdin, "pipe", "pipe"] }), input);
  const file = findCommand(command.command, env, cwd);
  if (file === undefined) {
    throw notStarted(
      command,
      `${quote(command.command)} is not there, or may not be executed (PATH: ${env["PATH"] ?? ""})`,
    );
  }
  const stdio = [stdin, "pipe", "pipe", "pipe"] as const;
  const child = spawn(shell, ["-c", gate, "perdure", file, ...args], {
    cwd,
    env,
    detached: true,
    stdio: [...stdio],
  });
  if (child.pid !== undefined) guardGroup(child.pid);
  // A process that may open no more files gets a child without pipes, and is told why by its error.
  const stdioOf: { readonly stdio: ChildProcess["stdio"] | undefined } = child;
  const pipe = stdioOf.stdio?.[3] as Writable | undefined;
  pipe?.on("error", () => undefined);
  pipe?.end("go\n");
  return feed(child, input);
}

function feed(child: ChildProcess, input: string | Uint8Array | undefined): ChildProcess {
  // A program need not read its input to the end.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return child;
}

function after(ms: number | undefined, run: () => void): NodeJS.Timeout | undefined {
  return ms === undefined ? undefined : setTimeout(run, ms);
}

/** SIGTERM, and SIGKILL when the grace is over. @returns what calls it off */
function killOnAbort(child: ChildProcess, signal: AbortSignal, graceMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    kill(child, "SIGTERM");
    timer = setTimeout(() => kill(child, "SIGKILL"), graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  };
}

/** The whole group. */
function kill({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  if (windows) {
    spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore" }).on("error", () => undefined);
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left of it.
  }
}

function notStarted({ command }: Command, why: string): ExecError {
  return new ExecError(command, { exitCode: null, signal: null, stdout: "", stderr: "" }, why);
}

function timedOut({ name, timeoutMs }: Command): PerdureError {
  return new PerdureError("STEP_TIMEOUT", {
    message: `exec ${quote(name)} did not end within ${timeoutMs} ms.`,
  });
}
