/**
 * The hand-over, as a model reads it whose results are brought to it. The server tells how to wait for the task, because
 * it cannot know better; a model that is told so asks again and again. Here it is told once that there is nothing to do.
 */
export interface CallResult {
  content: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
  [key: string]: unknown;
}

/** What a hand-over names; `undefined`: it is none. */
function handedOver({ structuredContent, isError }: CallResult): { id: string; tool: string } | undefined {
  if (isError === true || structuredContent === undefined) return undefined;
  const { task_id: id, tool, poll_after_seconds: seconds } = structuredContent;
  return typeof id === "string" && typeof tool === "string" && typeof seconds === "number"
    ? { id, tool }
    : undefined;
}

export function toldOnce(result: CallResult): CallResult {
  const task = handedOver(result);
  if (task === undefined) return result;
  const [said, ...more] = result.content;
  // Questions that the task asks stand in lines of their own.
  const asked = said?.text?.split("\n").slice(1).join("\n") ?? "";
  const text = asked === "" ? goesOn(task.id, task.tool) : `${goesOn(task.id, task.tool)}\n${asked}`;
  return { ...result, content: [{ type: "text", text }, ...more] };
}

/** For a call that was given up on while its task goes on. */
export function stillRunning(id: string, tool: string, minutes: number): CallResult {
  const waited = minutes < 1 ? "a while" : `${Math.round(minutes)} min`;
  const text = `${tool} is still running as task ${id}, after ${waited} of waiting. It goes on by itself.`;
  return { content: [{ type: "text", text }] };
}

function goesOn(id: string, tool: string): string {
  return (
    `${tool} is running in the background as task ${id}. Its result comes into this conversation by itself as soon as ` +
    `it is there. Do not wait for it, do not ask for its status, and do not call ${tool} again for the same work; ` +
    `tell the user that it is running, and go on.`
  );
}
