/**
 * The hand-over: what a client that knows nothing of tasks gets instead of a result that is not there yet. An ordinary
 * tool result that names the task and says in plain words what to do next. It holds nothing that changes from call to
 * call, so that a host's guard against loops sees a repetition as one.
 *
 * Where what becomes of the task is delivered into the very session that is handed over to, it says so, in words and as
 * `delivered_to_session`: a model that is to ask for its result is told how, one that need not is told not to.
 */
import { isArray, type JsonObject, type JsonValue } from "../../task/json.ts";
import type { Question, SessionContext, TaskSummary } from "../../task/record.ts";
import type { ObjectSchema } from "../../engine/json-schema.ts";
import type { ServedTask, Service } from "../service.ts";
import { describeQuestions } from "./asked.ts";
import { textBlock, type ToolResult } from "./tool-result.ts";

/** The longest that a model waits in one call of `check_task_status`: under the 60 s at which nearly every client gives up. */
export const maxWaitSeconds = 55;

/** To whom, and what the task asks now. */
export interface HandedOver {
  /** The session of the call; a task that it has joined may be of another. */
  readonly session: SessionContext | undefined;
  readonly questions?: readonly Question[];
}

export function handOver(
  service: Service,
  task: TaskSummary,
  { session, questions = [] }: HandedOver,
): ToolResult {
  const pollAfter = Math.ceil(service.settings.pollMs / 1_000);
  const delivered = isDeliveredTo(session, task);
  const next = delivered ? whatNextDelivered(service) : whatNext(service);
  const said = `${task.tool} is running in the background as task ${task.id}. ${next}`;
  const asked = questions.length === 0 ? undefined : describeQuestions(service, questions);
  return {
    content: [textBlock(asked === undefined ? said : `${said}\n${asked.text}`)],
    structuredContent: {
      task_id: task.id,
      status: task.status,
      tool: task.tool,
      poll_after_seconds: pollAfter,
      ...(delivered && { delivered_to_session: true }),
      ...asked?.structure,
    },
  };
}

/** Of a task that works, for whoever asks after it: how its end is waited for, and whether it need be. */
export function howToWait(service: Service, task: TaskSummary, session: SessionContext | undefined): string {
  if (isDeliveredTo(session, task)) return comesByItself;
  const check = service.settings.toolNames.get("check_task_status");
  if (check === undefined) return "";
  const byItself =
    task.delivery === undefined
      ? ""
      : " If nobody waits, its end comes into the memory of this conversation.";
  return `To wait for its end, call ${check} with wait_seconds ${maxWaitSeconds}.${byItself}`;
}

/** As far as the record can tell: that a memory will take it, nobody can promise. */
function isDeliveredTo(session: SessionContext | undefined, task: TaskSummary): boolean {
  if (session === undefined || task.session === undefined || task.delivery === undefined) return false;
  const { session: id, memory, actor } = task.session;
  return session.session === id && session.memory === memory && session.actor === actor;
}

const goesOn =
  "It goes on by itself, also when this conversation ends; do not call the tool again for the same work.";

const comesByItself =
  "Its result comes into this conversation by itself: tell the user that it is running, and do not wait.";

function whatNextDelivered(service: Service): string {
  const check = service.settings.toolNames.get("check_task_status");
  const said = `${goesOn} ${comesByItself}`;
  return check === undefined
    ? said
    : `${said} Only if the user wants to wait, call ${check} with wait_seconds ${maxWaitSeconds}.`;
}

function whatNext(service: Service): string {
  const { toolNames } = service.settings;
  const [check, results] = [toolNames.get("check_task_status"), toolNames.get("get_task_results")];
  if (check === undefined) return "It goes on by itself; do not call the tool again for the same work.";
  const then = results === undefined ? "" : ` When it is completed, ${results} gives the result.`;
  return `${goesOn} To wait for it, call ${check} with this task_id and wait_seconds ${maxWaitSeconds}.${then}`;
}

const handOverSchema: ObjectSchema = {
  type: "object",
  description: "The task goes on in the background.",
  properties: {
    task_id: { type: "string" },
    status: { type: "string" },
    tool: { type: "string" },
    poll_after_seconds: { type: "integer" },
    delivered_to_session: { type: "boolean" },
    questions: { type: "array", items: { type: "object" } },
  },
  required: ["task_id", "status", "tool", "poll_after_seconds"],
};

const summarySchema: ObjectSchema = {
  type: "object",
  description: "The result is large and kept as a resource.",
  properties: {
    task_id: { type: "string" },
    status: { type: "string" },
    tool: { type: "string" },
    result_uri: { type: "string" },
    result_bytes: { type: "integer" },
  },
  required: ["task_id", "status", "tool", "result_uri", "result_bytes"],
};

/**
 * What is advertised where the author declared an output: SDK clients that have listed the tools reject structured
 * content that does not fit.
 */
export function advertisedOutput({ outputSchema }: ServedTask): JsonObject | undefined {
  return outputSchema === undefined
    ? undefined
    : { type: "object", anyOf: [movedTo("#/anyOf/0", outputSchema), handOverSchema, summarySchema] };
}

/** A schema that stands at `place` of another: its references to places of its own follow it, unless it has a name. */
function movedTo(place: string, schema: JsonObject): JsonObject {
  if ("$id" in schema) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" && /^#(\/|$)/.test(value)
        ? place + value.slice(1)
        : movedValue(place, value),
    ]),
  );
}

function movedValue(place: string, value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return value;
  return isArray(value) ? value.map((item) => movedValue(place, item) ?? null) : movedTo(place, value);
}
