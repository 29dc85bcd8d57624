/**
 * The held call: a plain `tools/call` that is kept open while the task runs, with progress and heartbeats, and handed
 * over when the client's patience ends. Underneath it is the same durable task as on every other channel, so nothing
 * is lost whatever happens to the call: it only stops waiting.
 */
import { createHash } from "node:crypto";
import { pause } from "../../engine/durable-write.ts";
import type { CreatedTask, RejoinKey } from "../../store/store.ts";
import { PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { canonicalJson, type JsonValue } from "../../task/json.ts";
import type { LogLine, TaskSummary, Timestamp } from "../../task/record.ts";
import type { Caller, KnownClient, ServedTask, Service } from "../service.ts";
import { CallEnd } from "./call-end.ts";
import { handOver } from "./hand-over.ts";
import { Heartbeat } from "./heartbeat.ts";
import { questionsOf } from "./questions.ts";
import { toLinkedOutcome } from "./artifact-links.ts";
import { type JsonRpcError, toolError, type ToolOutcome, type ToolResult } from "./tool-result.ts";

/** How the waiting client is kept informed. Every function may be called until the call's promise settles. */
export interface CallSink {
  /** `notifications/progress`; absent where the request has no progress token. Rises with each call. */
  readonly progress?: (report: ProgressReport) => void;
  /** `notifications/message`; absent where the client did not ask for logging. */
  readonly log?: (line: LogLine) => void;
  /** Keeps the connection from looking idle, where nothing else can be said. */
  readonly keepAlive: () => void;
}

export interface ProgressReport {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

export interface HeldCall {
  readonly task: ServedTask;
  readonly arguments: JsonValue | undefined;
  readonly caller: Caller;
  readonly sink: CallSink;
  /** Aborted with a {@link CallEnd}. */
  readonly signal: AbortSignal;
  readonly idempotencyKey?: string | undefined;
  /** Given before there was a task. */
  readonly answers?: Readonly<Record<string, JsonValue>> | undefined;
  /** Is told the task, as soon as it is durable: for a later wait by another way. */
  readonly onTask?: (taskId: TaskId) => void;
  /**
   * Is told each time that the task is found asking, and says whether this channel asks the client itself. It may end
   * the call by its signal. Without it a client can answer by `answer_task` only.
   */
  readonly onAsked?: (task: TaskSummary) => Promise<boolean>;
}

/** `undefined` when the call stopped waiting: there is nobody to answer. */
export async function holdCall(service: Service, call: HeldCall): Promise<ToolOutcome | undefined> {
  if (call.task.start === "task") return { error: onlyAsTask(call.task) };
  const waits = call.task.start === "held";
  let created: CreatedTask;
  try {
    created = await submitCall(service, call, waits ? call.signal : undefined);
  } catch (error) {
    return { result: refusal(error) };
  }
  call.onTask?.(created.task.id);
  if (!waits) return { result: handOver(service, created.task, call.caller) };
  return waitForOutcome(service, call, created.task.id);
}

/** Source: MCP 2025-11-25, tasks, "Tool-Level Negotiation". The generation after it has a code of its own. */
function onlyAsTask({ tool }: ServedTask): JsonRpcError {
  return { code: -32_601, message: `${tool.name} can only be called as a task` };
}

/**
 * Creates the task of a call, on every channel.
 * @param waiting the signal of the call that waits for the task; `undefined` where none does
 * @throws PerdureError as `Runtime.submit`
 */
export async function submitCall(
  service: Service,
  call: Pick<HeldCall, "task" | "arguments" | "caller" | "idempotencyKey" | "answers"> & {
    readonly keepMs?: number | undefined;
  },
  waiting: AbortSignal | undefined,
): Promise<CreatedTask> {
  const { task, caller } = call;
  const key = waiting !== undefined && task.rejoin ? rejoinKey(call) : undefined;
  if (key !== undefined && waiting !== undefined) {
    await lostByThen(service, { owner: caller.owner, tool: task.tool.name, rejoinKey: key }, waiting);
  }
  return service.runtime.submit({
    tool: task.tool.name,
    input: call.arguments,
    owner: caller.owner,
    session: caller.session,
    idempotencyKey: call.idempotencyKey,
    answers: call.answers,
    keepMs: call.keepMs,
    rejoinKey: key,
  });
}

/** What the caller did wrong, as a result that a model can act on; everything else is not the caller's to see. */
export function refusal(error: unknown): ReturnType<typeof toolError> {
  if (error instanceof PerdureError && callersFaults.has(error.code)) return toolError(error.message);
  throw error;
}

const callersFaults: ReadonlySet<string> = new Set([
  "INVALID_INPUT",
  "INVALID_VALUE",
  "IDEMPOTENCY_CONFLICT",
  "LIMIT_EXCEEDED",
]);

export interface TaskWait extends Pick<HeldCall, "task" | "caller" | "sink" | "signal" | "onAsked"> {
  /** When the client's patience began, where that was before now: the wait goes on after a broken connection. */
  readonly since?: Timestamp;
}

/** Waits for a task as a held call does; also for one that began otherwise. */
export async function waitForOutcome(
  service: Service,
  call: TaskWait,
  taskId: TaskId,
): Promise<ToolOutcome | undefined> {
  const { runtime } = service;
  const now = runtime.clock.now();
  const patience = new AbortController();
  const held = Math.max(0, now - (call.since ?? now));
  const timer = runtime.clock.after(Math.max(0, holdMsOf(service, call) - held), () => patience.abort());
  const heartbeat = new Heartbeat({
    clock: runtime.clock,
    intervalMs: heartbeatMsOf(service, call),
    sink: call.sink,
    tool: call.task.tool.name,
  });
  const until = AbortSignal.any([patience.signal, call.signal]);
  // Whoever can only answer by a tool learns of a question by being handed over.
  const onChange = async (task: TaskSummary): Promise<void> => {
    if (task.status !== "input_required" || (await call.onAsked?.(task)) === true) return;
    if (!service.settings.toolNames.has("answer_task")) return;
    // What is asked of a client's model no tool can answer: its time runs out.
    const open = await questionsOf(service, task.id);
    if (open.some(({ mode }) => mode !== "sample")) patience.abort();
  };
  // At once, not when the wait has noticed: an equal call may be the client's very next message, and is to join.
  let left: Promise<undefined> | undefined;
  const leave = (): void => {
    left = stopWaiting(service, taskId, call);
    left.catch(() => undefined);
  };
  call.signal.addEventListener("abort", leave, { once: true });
  try {
    const last = await followTask(service, { ...call, heartbeat, until, onChange }, taskId);
    if (call.signal.aborted) return await (left ?? stopWaiting(service, taskId, call));
    if (last.phase !== "ended") {
      await runtime.store.stopWaiting({ taskId, caller: "told" });
      const questions = last.status === "input_required" ? await questionsOf(service, taskId) : [];
      return { result: handOver(service, last, { session: call.caller.session, questions }) };
    }
    const task = await runtime.store.get({ taskId });
    if (task === undefined) return { result: expired(taskId) };
    runtime.endGiven(task);
    return await toLinkedOutcome(service, task);
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    // The process shuts down: what was waited for goes on at the next start, and whoever waits is cut off.
    if (error.code === "APP_CLOSED") return undefined;
    if (error.code === "TASK_NOT_FOUND") return { result: expired(taskId) };
    throw error;
  } finally {
    call.signal.removeEventListener("abort", leave);
    timer.cancel();
    heartbeat.stop();
  }
}

export interface Following {
  readonly heartbeat: Heartbeat;
  readonly sink: CallSink;
  readonly until: AbortSignal;
  /** Is told the task as it was found, and after each change. */
  readonly onChange?: (task: TaskSummary) => void | Promise<void>;
}

const eventsAtOnce = 1_000;

/** Passes on what the task reports, until it ends or `until` is aborted. @throws PerdureError `TASK_NOT_FOUND` */
export async function followTask(
  { runtime }: Service,
  { heartbeat, sink, until, onChange }: Following,
  taskId: TaskId,
): Promise<TaskSummary> {
  using watch = runtime.watches.open(taskId);
  let seen = 0;
  for (;;) {
    const task = await runtime.store.summary({ taskId });
    if (task === undefined) {
      throw new PerdureError("TASK_NOT_FOUND", {
        message: `task ${taskId} expired while it was waited for.`,
      });
    }
    if (task.progress !== undefined) heartbeat.report(task.progress);
    if (sink.log !== undefined) {
      for (let more = true; more;) {
        const events = await runtime.store.timeline({ taskId, after: seen, limit: eventsAtOnce });
        for (const event of events) if (event.type === "log") heartbeat.log(event);
        seen = events.at(-1)?.revision ?? seen;
        more = events.length === eventsAtOnce;
      }
    }
    await onChange?.(task);
    if (task.phase === "ended" || until.aborted) return task;
    await watch.changed(until);
  }
}

function expired(taskId: TaskId): ToolResult {
  return toolError(`The task ${taskId} has expired.`);
}

async function stopWaiting(
  { runtime }: Service,
  taskId: TaskId,
  { caller, signal }: Pick<HeldCall, "caller" | "signal">,
): Promise<undefined> {
  // The next start lets the call be joined again.
  if (runtime.closing) return undefined;
  const end = signal.reason as unknown;
  if (end instanceof CallEnd && end.effect === "cancel") {
    const { message: reason, byCaller } = end;
    await runtime.store.cancel({ taskId, owner: caller.owner, reason, byCaller });
  } else {
    await runtime.store.stopWaiting({ taskId, caller: "lost" });
  }
  return undefined;
}

type Patience = Pick<HeldCall, "caller" | "sink"> & { readonly task: ServedTask | undefined };

/** How long this client waits for this tool before it is handed over. */
export function holdMsOf({ settings }: Service, { task, caller, sink }: Patience): number {
  const { holdMs, progressHoldMs = holdMs, maxHoldMs = Number.POSITIVE_INFINITY } = settings;
  const own = task?.holdMs ?? knownClient(settings.clients, caller.clientName)?.holdMs;
  return Math.min(own ?? (sink.progress === undefined ? holdMs : progressHoldMs), maxHoldMs);
}

/** After so long a silence this client is told that this tool is alive. */
export function heartbeatMsOf(
  { settings }: Service,
  { task, caller }: Pick<Patience, "task" | "caller">,
): number {
  const known = knownClient(settings.clients, caller.clientName);
  return task?.heartbeatMs ?? known?.heartbeatMs ?? settings.heartbeatMs;
}

function knownClient(clients: readonly KnownClient[], name: string | undefined): KnownClient | undefined {
  if (name === undefined) return undefined;
  return clients.find((client) =>
    // Not `test`: of a global expression it goes on where the last one ended.
    typeof client.name === "string" ? client.name === name : name.search(client.name) !== -1,
  );
}

/**
 * A client that loses its patience closes one connection and calls again on another, and the server may see the second
 * call first. So a call that finds its equal still waited for gives that one a moment to be lost.
 */
async function lostByThen({ runtime }: Service, key: RejoinKey, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; waitedMs < crossingMs && !signal.aborted; waitedMs += crossingStepMs) {
    if (!(await runtime.store.isAwaited(key))) return;
    await pause(runtime.clock, crossingStepMs, signal);
  }
}

const crossingMs = 250;
const crossingStepMs = 25;

/** A caller in another session asks for itself: what it joined would be told to the first one's session. */
function rejoinKey({
  arguments: input,
  caller: { session },
}: Pick<HeldCall, "arguments" | "caller">): string {
  const said = session === undefined ? "" : canonicalJson({ ...session });
  return createHash("sha256").update(canonicalJson(input)).update(said).digest("base64url");
}
