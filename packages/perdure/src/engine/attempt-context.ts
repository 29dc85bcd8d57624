/** The `task` object of one attempt. Plain functions, so that a handler may take it apart: `({ id }, { step, save })`. */
import type { TaskRecord, SavedState, LogLevel } from "../task/record.ts";
import type { JsonValue } from "../task/json.ts";
import type { StepContext, StepOptions, TaskContext } from "./context.ts";
import type { Logger } from "./logger.ts";
import type { Operations } from "./operations.ts";
import type { Reporter } from "./reporter.ts";

export interface TaskContextParts {
  readonly record: TaskRecord;
  readonly operations: Operations;
  readonly reporter: Reporter;
  readonly logger: Logger;
  readonly asked: AbortSignal;
  /** Once aborted, everything that would write throws its reason. */
  readonly ended: AbortSignal;
  readonly save: (state: SavedState) => Promise<void>;
  readonly saved: () => Promise<SavedState | undefined>;
}

export function createTaskContext(parts: TaskContextParts): TaskContext {
  const { record, operations, reporter, ended } = parts;
  const whileHeld = <T>(run: () => Promise<T>): Promise<T> => {
    const promise = ended.aborted ? Promise.reject<T>(ended.reason as Error) : run();
    // A handler that does not await is no reason for the process to die of an unhandled rejection.
    promise.catch(() => undefined);
    return promise;
  };
  const log = (level: LogLevel) => (message: string, data?: JsonValue) => {
    reporter.log(level, message, data);
    if (!operations.replaying) logTo(parts.logger, level, record, message, data);
  };
  const context: Omit<TaskContext, "step" | "save" | "saved"> & Untyped = {
    id: record.id,
    tool: record.tool,
    owner: record.owner,
    session: record.session,
    attempt: record.attempt,
    signal: parts.asked,
    progress: (done, total, message) => reporter.progress(done, total, message),
    log: { debug: log("debug"), info: log("info"), warning: log("warning"), error: log("error") },
    step: (name, run, options = {}) => whileHeld(() => operations.step(name, run, options)),
    save: (state) => whileHeld(() => parts.save(state)),
    saved: () => whileHeld(() => parts.saved()),
  };
  return context as TaskContext;
}

/** The methods whose public types tie a value to its JSON; here every value is only JSON. */
interface Untyped {
  step(
    name: string,
    run: (step: StepContext) => unknown,
    options?: StepOptions,
  ): Promise<JsonValue | undefined>;
  save(state: SavedState): Promise<void>;
  saved(): Promise<SavedState | undefined>;
}

function logTo(
  logger: Logger,
  level: LogLevel,
  record: TaskRecord,
  message: string,
  data: JsonValue | undefined,
): void {
  const fields = {
    task: record.id,
    tool: record.tool,
    attempt: record.attempt,
    ...(data !== undefined && { data }),
  };
  logger[level === "warning" ? "warn" : level](fields, message);
}
