/** The same refusals, wherever the tasks are. */
import { CommandError, exitCodes } from "../exit.ts";

export function noSuchTask(id: string): CommandError {
  return new CommandError(
    exitCodes.notFound,
    `there is no task ${id}: it never was, it has expired, or it belongs to somebody else.`,
  );
}

export function unfinished(id: string, status: string): CommandError {
  return new CommandError(
    exitCodes.unfinished,
    `task ${id} is ${status}. Wait for it with: perdure tasks watch`,
  );
}
