/** The `task` object of one attempt. Plain functions, so that a handler may take it apart: `({ id }, { step, save })`. */
import type { SavedState, LogLevel } from "../task/record.ts";
import type { JsonValue } from "../task/json.ts";
import type {
  AskOptions,
  CallOptions,
  Question,
  StepContext,
  StepOptions,
  TaskContext,
  WaitOptions,
} from "./context.ts";
import type { ExecOptions, ExecResult } from "./exec/exec.ts";
import type { ArtifactCalls } from "./artifact-calls.ts";
import { releaseData } from "./artifact-data.ts";
import type { Logger } from "./logger.ts";
import type { Operations } from "./operations.ts";
import type { Reporter } from "./reporter.ts";
import type { RunTask } from "./run.ts";
import type { Schema } from "./schema.ts";
import type { WaitCalls } from "./wait-calls.ts";
import { refused, type Waits } from "./waits.ts";

export interface TaskContextParts {
  readonly task: RunTask;
  readonly operations: Operations;
  readonly reporter: Reporter;
  readonly logger: Logger;
  readonly asked: AbortSignal;
  /** Once aborted, everything that would write throws its reason. */
  readonly ended: AbortSignal;
  readonly save: (state: SavedState) => Promise<void>;
  readonly saved: () => Promise<SavedState | undefined>;
  readonly waits: Waits;
  readonly calls: WaitCalls;
  readonly exec: (command: string, args: readonly string[], options: ExecOptions) => Promise<ExecResult>;
  readonly artifacts: ArtifactCalls;
}

export function createTaskContext(parts: TaskContextParts): TaskContext {
  const { task, operations, reporter, ended, waits, calls } = parts;
  const whileHeld = <T>(run: () => Promise<T>): Promise<T> => {
    const promise = ended.aborted ? refused<T>(ended) : run();
    // A handler that does not await is no reason for the process to die of an unhandled rejection.
    promise.catch(() => undefined);
    return promise;
  };
  const tracked = <T>(run: () => Promise<T>): Promise<T> => whileHeld(() => waits.track(run));
  const log = (level: LogLevel) => (message: string, data?: JsonValue) => {
    reporter.log(level, message, data);
    if (!operations.replaying) logTo(parts.logger, level, task, message, data);
  };
  const context: Omit<TaskContext, keyof Untyped> & Untyped = {
    id: task.id,
    tool: task.tool,
    owner: task.owner,
    session: task.session,
    attempt: task.attempt,
    signal: parts.asked,
    progress: (done, total, message) => reporter.progress(done, total, message),
    log: { debug: log("debug"), info: log("info"), warning: log("warning"), error: log("error") },
    step: (name, run, options = {}) => whileHeld(() => operations.step(name, run, options)),
    remember: (text, { name } = {}) => tracked(() => operations.remember(text, name)),
    exec: (command, args = [], options = {}) => whileHeld(() => parts.exec(command, args, options)),
    save: (state) => tracked(() => parts.save(state)),
    saved: () => tracked(() => parts.saved()),
    artifact: (name, data, options = {}) => {
      if (ended.aborted) releaseData(data);
      return tracked(() => parts.artifacts.artifact(name, data, options));
    },
    sleep: (duration, options = {}) => whileHeld(() => calls.sleep(duration, options)),
    ask: (message, schema, options = {}) => whileHeld(() => calls.ask({ message, schema }, options)),
    askUrl: (message, url, options = {}) =>
      whileHeld(async () => void (await calls.ask({ message, url }, options))),
    sample: (request, options = {}) => whileHeld(() => calls.sample(request, options)),
    askAll: (questions, options = {}) => whileHeld(() => calls.askAll(questions, options)),
    call: (tool, input, options = {}) =>
      whileHeld(() => calls.call(typeof tool === "string" ? tool : tool.name, input, options)),
    waitUntil: (name, options = {}) => whileHeld(() => calls.waitUntil(name, options)),
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
  ask(message: string, schema: Schema, options?: AskOptions): Promise<unknown>;
  askAll(questions: Readonly<Record<string, Question>>, options?: WaitOptions): Promise<object>;
  call(
    tool: string | { readonly name: string },
    input: JsonValue | undefined,
    options?: CallOptions,
  ): Promise<JsonValue | undefined>;
  waitUntil(name: string, options?: WaitOptions): Promise<JsonValue | undefined>;
}

function logTo(
  logger: Logger,
  level: LogLevel,
  task: RunTask,
  message: string,
  data: JsonValue | undefined,
): void {
  const fields = {
    task: task.id,
    tool: task.tool,
    attempt: task.attempt,
    ...(data !== undefined && { data }),
  };
  logger[level === "warning" ? "warn" : level](fields, message);
}
