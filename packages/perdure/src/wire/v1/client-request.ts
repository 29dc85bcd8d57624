/**
 * A question as a request to the client, and the client's answer. What ties them is the id of the request,
 * `ask.<task>.<key>`: whichever process receives the answer knows from it alone what was asked. It gives no authority;
 * the task is looked up under the owner who sends it.
 */
import type { TaskId } from "../../task/id.ts";
import { asObject, isArray, type JsonObject, type JsonValue } from "../../task/json.ts";
import type { AnswerAction, Question } from "../../task/record.ts";
import { type ClientRequest, knowsTasks, type V1Session } from "./client.ts";

export interface AskedQuestion {
  readonly taskId: TaskId;
  readonly key: string;
}

export function toRequestId({ taskId, key }: AskedQuestion): string {
  return `ask.${taskId}.${key}`;
}

/** `undefined` for an id that was not made here. */
export function parseRequestId(id: string): AskedQuestion | undefined {
  const match = /^ask\.([A-Za-z0-9]{1,64})\.([A-Za-z0-9]{1,64})$/.exec(id);
  return match === null ? undefined : { taskId: match[1] as TaskId, key: match[2] ?? "" };
}

/** Whether there is anything that its client can be asked. */
export function canBeAsked({ askedAs, capabilities }: V1Session): boolean {
  const declared = capabilities["elicitation"] ?? capabilities["sampling"];
  return askedAs !== undefined && declared !== undefined;
}

/** `undefined` where the client did not declare that it can be asked so. */
export function toClientRequest(
  taskId: TaskId,
  question: Question,
  session: V1Session,
): ClientRequest | undefined {
  const { key, mode, message } = question;
  if (!declares(session, mode)) return undefined;
  const id = toRequestId({ taskId, key });
  const related = knowsTasks(session)
    ? { _meta: { "io.modelcontextprotocol/related-task": { taskId } } }
    : {};
  switch (mode) {
    case "form": {
      const requestedSchema = question.schema ?? { type: "object", properties: {} };
      return { id, method: "elicitation/create", params: { ...related, message, requestedSchema } };
    }
    case "url": {
      const { url = "" } = question;
      const params = { ...related, mode: "url", message, url, elicitationId: elicitationId(taskId, key) };
      return { id, method: "elicitation/create", params };
    }
    case "sample":
      return { id, method: "sampling/createMessage", params: { ...question.request, ...related } };
  }
}

/** Of a question to be answered at a URL. Source: MCP 2025-11-25, client/elicitation, "URL Mode". */
export function elicitationId(taskId: TaskId, key: string): string {
  return `${taskId}.${key}`;
}

/** An empty `elicitation` means forms. Source: MCP 2025-11-25, client/elicitation, "Capabilities". */
function declares({ capabilities }: V1Session, mode: Question["mode"]): boolean {
  if (mode === "sample") return asObject(capabilities["sampling"]) !== undefined;
  const elicitation = asObject(capabilities["elicitation"]);
  if (elicitation === undefined) return false;
  if (mode === "url") return elicitation["url"] !== undefined;
  return elicitation["form"] !== undefined || elicitation["url"] === undefined;
}

/** A client's answer to a request of ours. */
export interface ClientResponse extends AskedQuestion {
  readonly id: string;
  readonly result: JsonObject | undefined;
  readonly errorCode: number | undefined;
}

export function asClientResponse(message: unknown): ClientResponse | undefined {
  const { jsonrpc, id, method, result, error } = asObject(message as JsonValue) ?? {};
  if (jsonrpc !== "2.0" || method !== undefined || typeof id !== "string") return undefined;
  const asked = parseRequestId(id);
  if (asked === undefined) return undefined;
  const code = asObject(error)?.["code"];
  return { ...asked, id, result: asObject(result), errorCode: typeof code === "number" ? code : undefined };
}

export interface Answer {
  readonly action: AnswerAction;
  readonly content: JsonValue | undefined;
}

/** `undefined`: the client cannot ask, or does not say what was answered. */
export function toAnswer(
  { mode }: Question,
  { result, errorCode }: Pick<ClientResponse, "result" | "errorCode">,
): Answer | undefined {
  if (mode === "sample") {
    // As the specification has it for a person who refuses (client/sampling, "Error Handling").
    if (errorCode === -1) return { action: "decline", content: undefined };
    if (result === undefined || errorCode !== undefined) return undefined;
    const { _meta: _, ...content } = result;
    return { action: "accept", content };
  }
  if (errorCode !== undefined) return undefined;
  const { action, content } = result ?? {};
  if (action === "accept") return { action, content: isArray(content ?? null) ? null : content };
  return action === "decline" || action === "cancel" ? { action, content: undefined } : undefined;
}
