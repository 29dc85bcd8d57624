/** How an author names a handler that runs in threads: by the module that has it. */
import type { ResourceLimits } from "node:worker_threads";
import { toThreadLimits } from "../engine/threads/limits.ts";
import { moduleFile } from "../engine/threads/module-file.ts";
import type { TaskTool } from "../engine/tool.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";

/** Of a task, or a version of one, that runs in threads, instead of a handler. */
export interface ThreadOptions<Handler> {
  /**
   * The module whose default export is the handler: `new URL("./train.worker.ts", import.meta.url)`. Where the build has
   * a `.js` in its place, that is taken. With its types: {@link thread}.
   */
  readonly run: ThreadModule<Handler>;
  /**
   * Of one thread: its heap and its buffers, looked at ten times a second. At least 32 MiB. Default: three quarters of
   * what the machine, or the container, has.
   */
  readonly maxMemoryBytes?: number;
  /** As `node:worker_threads` has them. Who sets `maxOldGenerationSizeMb` reads docs/heavy-work.md first. */
  readonly resourceLimits?: ResourceLimits;
  /** How long a handler has to settle after its task has been ended; then its thread is ended. Default 5 s. */
  readonly grace?: Duration;
}

/** The URL of a module with a handler, which `submit` and `call` know the types by. */
export type ThreadModule<Handler = unknown> = URL & {
  /** Types only. */
  readonly handler?: Handler;
};

/**
 * Gives the URL of a module the type of its handler, and loads nothing:
 * `import type train from "./train.worker.ts"`, and `thread<typeof train>(new URL("./train.worker.ts", import.meta.url))`.
 */
export function thread<Handler>(url: URL): ThreadModule<Handler> {
  return url;
}

/** @throws PerdureError `INVALID_OPTION` */
export function toHandler(
  name: string,
  options: Partial<ThreadOptions<unknown>>,
  handler: TaskTool["handler"] | undefined,
): TaskTool["handler"] {
  const setting = (key: string): string => `task ${quote(name)}: ${key}`;
  const { run, maxMemoryBytes, resourceLimits, grace = "5s" } = options;
  if ((run === undefined) === (handler === undefined)) {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `task ${quote(name)} takes a handler, or \`run\` with the URL of a module that has one; ` +
        (run === undefined ? "neither came." : "both came."),
    });
  }
  if (run === undefined) return handler as TaskTool["handler"];
  return {
    module: moduleFile(run, setting("run")),
    graceMs: toMs(grace, setting("grace")),
    ...toThreadLimits(maxMemoryBytes, resourceLimits, setting("maxMemoryBytes")),
  };
}
