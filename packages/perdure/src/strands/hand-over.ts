/**
 * The hand-over, as a model reads it that an agent has asked. The server says by a mark whether what becomes of the task
 * is delivered into the session of the call. Where it is, the model is told once that there is nothing to do. Where it is
 * not, the server's own words stand, which say how to ask; and where the model has no tool for that, it is told so.
 */
export interface CallResult {
  content: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
  [key: string]: unknown;
}

export interface HandedOver {
  readonly id: string;
  readonly tool: string;
  /** What becomes of it is delivered into the session that the call named. */
  readonly delivered: boolean;
  /** It waits for an answer. */
  readonly asks: boolean;
}

/** `undefined`: the result is no hand-over. */
export function handedOver({ structuredContent, isError }: CallResult): HandedOver | undefined {
  if (isError === true || structuredContent === undefined) return undefined;
  const { task_id: id, tool, poll_after_seconds: seconds, questions } = structuredContent;
  if (typeof id !== "string" || typeof tool !== "string" || typeof seconds !== "number") return undefined;
  return {
    id,
    tool,
    delivered: structuredContent["delivered_to_session"] === true,
    asks: Array.isArray(questions) && questions.length > 0,
  };
}

/** @param canAsk whether the model has the tool that the server names for asking */
export function toldOnce(result: CallResult, task: HandedOver, canAsk: boolean): CallResult {
  if (!task.delivered && canAsk) return result;
  const [said, ...more] = result.content;
  // Questions that the task asks stand in lines of their own.
  const asked = said?.text?.split("\n").slice(1).join("\n") ?? "";
  const goesOn = task.delivered ? comesByItself(task) : cannotBeAsked(task);
  const text = asked === "" ? goesOn : `${goesOn}\n${asked}`;
  return { ...result, content: [{ type: "text", text }, ...more] };
}

/** For a call that was given up on while its task goes on. */
export function stillRunning(id: string, tool: string, minutes: number): CallResult {
  const waited = minutes < 1 ? "a while" : `${Math.round(minutes)} min`;
  const text = `${tool} is still running as task ${id}, after ${waited} of waiting. It goes on by itself.`;
  return { content: [{ type: "text", text }] };
}

/** For a call whose task asks what nobody here was shown. @param question in the server's words */
export function waitsForAnswer(id: string, tool: string, question: string | undefined): CallResult {
  const asks = question === undefined ? "" : ` It asks: ${question}`;
  const text = `${tool}, running as task ${id}, waits for an answer of the user's.${asks}`;
  return { content: [{ type: "text", text }] };
}

function comesByItself({ id, tool }: HandedOver): string {
  return (
    `${tool} is running in the background as task ${id}. Its result comes into this conversation by itself as soon as ` +
    `it is there. Do not wait for it, do not ask for its status, and do not call ${tool} again for the same work; ` +
    `tell the user that it is running, and go on.`
  );
}

function cannotBeAsked({ id, tool }: HandedOver): string {
  return (
    `${tool} is running in the background as task ${id}, and goes on by itself. Nothing here can ask for its result. ` +
    `Do not call ${tool} again for the same work; tell the user that it is running, and under which task.`
  );
}
