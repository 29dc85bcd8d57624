/**
 * Kills the programs of this process when it is gone, also by SIGKILL, after which it can do nothing itself.
 *
 * A shell of twenty lines, in a session of its own, is told each process group as it begins and ends, over a pipe. When
 * the pipe closes, the process is gone, however that happened: the shell kills what is left, SIGTERM first. Linux would
 * have `PR_SET_PDEATHSIG`, which Node cannot set, macOS nothing; a pipe is closed by the kernel on both.
 *
 * A program must be known before it runs. So it begins as a shell that waits for a word on a pipe and then becomes the
 * program by `exec`: it keeps its pid, which is its group's, and is told to go on when the guardian has heard of it. Dies
 * the process before, the word never comes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";

export const shell = "/bin/sh";

/** `sh -c gate perdure FILE ARG…`, with the pipe as descriptor 3. */
export const gate = 'read -r word <&3 || exit 1; exec 3<&-; exec "$@"';

/** After SIGTERM each group has as many seconds as `$1` says. */
const guard = `
trap '' INT TERM HUP
groups=
while read -r sign group; do
  case $sign in
    +) groups="$groups $group" ;;
    -) rest=
       for g in $groups; do [ "$g" = "$group" ] || rest="$rest $g"; done
       groups=$rest ;;
  esac
done
for g in $groups; do kill -s TERM -- "-$g" 2>/dev/null; done
seconds=$1
while [ "$seconds" -gt 0 ]; do
  alive=
  for g in $groups; do kill -s 0 -- "-$g" 2>/dev/null && alive=1; done
  [ -n "$alive" ] || exit 0
  sleep 1
  seconds=$((seconds - 1))
done
for g in $groups; do kill -s KILL -- "-$g" 2>/dev/null; done
`;
const graceSeconds = 5;
const retryMs = 1_000;

const groups = new Set<number>();
let guardian: ChildProcess | undefined;

/** From now on the group dies with this process. */
export function guardGroup(group: number): void {
  groups.add(group);
  if (guardian === undefined) start();
  else tell("+", group);
}

/** The group is gone. */
export function forgetGroup(group: number): void {
  groups.delete(group);
  tell("-", group);
}

function start(): void {
  const started = spawn(shell, ["-c", guard, "perdure-guardian", String(graceSeconds)], {
    detached: true,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  guardian = started;
  // Somebody killed it: the next takes over what there is.
  const again = (): void => {
    if (guardian !== started) return;
    guardian = undefined;
    if (groups.size > 0) start();
  };
  started.on("exit", again);
  // It could not be started: not again and again without a pause, in which what it lacks may become free.
  started.on("error", () => void setTimeout(again, retryMs).unref());
  // A process that may open no more files gets a child without pipes.
  const stdin = started.stdin as Socket | undefined;
  stdin?.on("error", () => undefined);
  // Neither keeps this process alive.
  started.unref();
  stdin?.unref();
  for (const group of groups) tell("+", group);
}

function tell(sign: "+" | "-", group: number): void {
  guardian?.stdin?.write(`${sign} ${group}\n`);
}
