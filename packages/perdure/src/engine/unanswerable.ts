/**
 * A handler that asks, and a server that offers no tool to answer by: `asks` was not said. Clients that can be asked by
 * the protocol are; all others see a task that waits, and can do nothing. Its author is told, once for each tool in the
 * log and once for each task in its timeline.
 */
import { quote } from "../task/errors.ts";
import type { TimelineEvent } from "../task/record.ts";
import type { OpenWait } from "../store/store.ts";
import type { Logger } from "./logger.ts";
import type { TaskTool } from "./tool.ts";

const told = new WeakSet<TaskTool>();

export interface AskingParts {
  readonly tool: TaskTool;
  /** Whether a client that can only call tools is offered one to answer by. */
  readonly answerable?: (() => boolean) | undefined;
  readonly logger: Logger;
  /** A page of it: what came after a revision. */
  readonly timeline: (after: number) => Promise<readonly TimelineEvent[]>;
  /** Into the timeline. */
  readonly log: (message: string) => Promise<void>;
}

/** To be told of each wait that is opened. */
export function unanswerableWarning({ tool, answerable, logger, timeline, log }: AskingParts) {
  let silent = false;
  return ({ wait }: Pick<OpenWait, "wait">): void => {
    if (silent || wait.kind !== "ask" || wait.question.mode === "sample" || answerable?.() !== false) return;
    silent = true;
    const name = quote(tool.name);
    const message =
      `task ${name} asks, and answer_task is not offered, because no tool says that it asks: a client that cannot be ` +
      `asked by the protocol cannot answer. Set asks: true where ${name} is declared.`;
    // An earlier run may have said so. Nothing waits for this: the question is what counts.
    isLogged(message, timeline)
      .then((isThere) => (isThere ? undefined : log(message)))
      .catch((error: unknown) => logger.debug({ err: error, tool: tool.name }, "a warning was not recorded"));
    if (told.has(tool)) return;
    told.add(tool);
    logger.warn({ tool: tool.name }, message);
  };
}

async function isLogged(message: string, timeline: AskingParts["timeline"]): Promise<boolean> {
  for (let after = 0; ;) {
    const events = await timeline(after);
    const last = events.at(-1);
    if (last === undefined) return false;
    if (events.some((event) => event.type === "log" && event.message === message)) return true;
    after = last.revision;
  }
}
