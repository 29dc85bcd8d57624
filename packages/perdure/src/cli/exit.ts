/** How a command ends: what a script reads as exit code, and a person as one or two lines. */

export const exitCodes = {
  ok: 0,
  /** The tool or the task failed, or was cancelled. */
  failed: 1,
  /** The command cannot mean anything: an unknown option, a missing or unfit argument, no such tool. */
  usage: 2,
  /** The server or the store cannot be reached, opened or entered. */
  unreachable: 3,
  /** There is no such task, for this caller. */
  notFound: 4,
  /** The task goes on, and its result was asked for, or nobody waits for it any more. */
  unfinished: 5,
  /** Ctrl-C, as a shell has it: 128 and the signal's number. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends the command with a message that says what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export const exitCodeHelp = `
Exit codes:
  0  done
  1  the tool or the task failed, or was cancelled
  2  wrong usage: an unknown option or tool, an argument that does not fit
  3  the server or the store cannot be reached, opened or entered
  4  no such task
  5  the task has not ended yet
  130  interrupted by Ctrl-C
`;
