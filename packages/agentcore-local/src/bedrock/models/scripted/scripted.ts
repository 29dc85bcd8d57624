/**
 * A model that is none: a small policy that reads the conversation and the schemas of the tools, and answers from nothing
 * else. It calls a tool when the user asks for what the tool's name says; it tells what came back, and what was asked; and
 * where the conversation holds no answer it says that it does not know. The same conversation gives the same answer.
 */
import type { Model, ModelRequest, Piece } from "../../model.ts";
import { type ContentBlock, resultText, type ToolSpec } from "../../shapes.ts";
import { type Conversation, type OpenQuestion, type Outcome, readConversation } from "./conversation.ts";
import { fill, fillAnswer } from "./fill.ts";
import { tell } from "./report.ts";
import { isRequest, shared, stems } from "./words.ts";

export const scriptedModel: Model = {
  name: "scripted",
  async *generate(request) {
    yield* answer(request);
  },
};

/** With which a server lets models ask after tasks: never called to find a result, which comes by itself. */
const forTasks = /(^|[_.-])(check_task_status|get_task_results|cancel_task|list_tasks|answer_task)$/;

function answer(request: ModelRequest): Piece[] {
  const conversation = readConversation(request.messages);
  const results = (request.messages.at(-1)?.content ?? []).flatMap(({ toolResult }) => toolResult ?? []);
  if (results.length > 0) return say(results.map((result) => tellResult(result, conversation)).join("\n"));
  const chosen = chosenTool(request, conversation);
  if (chosen !== undefined) return call(chosen, conversation.prompt);
  const question = conversation.questions.at(-1);
  if (question !== undefined) return onQuestion(question, conversation, request.tools);
  if (isCancel(conversation.prompt)) return cancel(conversation, request.tools);
  const tool = isRequest(conversation.prompt) ? wantedTool(request.tools, conversation.prompt) : undefined;
  if (tool !== undefined) return call(tool, conversation.prompt);
  return say(whatIsKnown(conversation));
}

function say(text: string): Piece[] {
  // In two pieces, as a stream comes.
  const middle = text.indexOf(" ", text.length / 2);
  return middle === -1 ? [{ text }] : [{ text: text.slice(0, middle) }, { text: text.slice(middle) }];
}

function tellResult(result: NonNullable<ContentBlock["toolResult"]>, conversation: Conversation): string {
  const text = resultText(result);
  const { taskId, tool } = conversation.handedOver.findLast(({ taskId: id }) => text.includes(id)) ?? {};
  const question = conversation.questions.at(-1);
  if (question !== undefined) return ask(question);
  if (taskId !== undefined) {
    return `${tool} is started, as task ${taskId}, and runs in the background. I will know its result when it is there.`;
  }
  const outcome = conversation.outcomes.findLast((one) => one.text === text);
  if (outcome !== undefined) return tell(outcome);
  // What stands behind its first line is said to a model: how to go on asking after the task.
  const [said = ""] = text.split("\n");
  return result.status === "error" ? `That did not work: ${said}` : said;
}

function ask({ tool, message }: OpenQuestion): string {
  return `${tool} asks: ${message}`;
}

/** Put to the user first; what the user then says, and is no question, is the answer. */
function onQuestion(
  question: OpenQuestion,
  { prompt, wasSaid }: Conversation,
  tools: readonly ToolSpec[],
): Piece[] {
  const answering = tools.find(({ name }) => /(^|[_.-])answer_task$/.test(name));
  const wasAsked = wasSaid(question.message, question.index - 1);
  if (!wasAsked || prompt.trim().endsWith("?")) return say(ask(question));
  if (answering === undefined) return say(`I have no tool to pass an answer on. ${ask(question)}`);
  const { taskId: task_id, key, schema } = question;
  const content = fillAnswer(schema, prompt);
  return [
    { toolUse: { name: answering.name, input: { task_id, ...(key !== undefined && { key }), content } } },
  ];
}

function isCancel(prompt: string): boolean {
  return /^\W*(please\s+)?(cancel|abort|stop)\b/i.test(prompt);
}

function cancel({ handedOver, outcomes }: Conversation, tools: readonly ToolSpec[]): Piece[] {
  const running = handedOver.findLast(({ taskId }) => !outcomes.some((one) => one.taskId === taskId));
  const tool = tools.find(({ name }) => /(^|[_.-])cancel_task$/.test(name));
  if (running === undefined) return say("I know of nothing that runs.");
  if (tool === undefined) return say("I have no tool to cancel it.");
  return [{ toolUse: { name: tool.name, input: { task_id: running.taskId } } }];
}

function chosenTool({ toolChoice, tools }: ModelRequest, { prompt }: Conversation): ToolSpec | undefined {
  if (toolChoice === "auto") return undefined;
  if (toolChoice === "any") return wantedTool(tools, prompt) ?? tools[0];
  return tools.find(({ name }) => name === toolChoice.name);
}

/** The one whose name has most of the user's words, then whose description has. */
function wantedTool(tools: readonly ToolSpec[], prompt: string): ToolSpec | undefined {
  const words = stems(prompt);
  const scored = tools
    .filter(({ name }) => !forTasks.test(name))
    .map((tool) => ({
      tool,
      score: shared(stems(tool.name), words),
      more: shared(stems(tool.description ?? ""), words),
    }))
    .filter(({ score }) => score > 0);
  return scored.toSorted((a, b) => b.score - a.score || b.more - a.more)[0]?.tool;
}

function call({ name, inputSchema }: ToolSpec, prompt: string): Piece[] {
  const { input, missing } = fill(inputSchema.json, prompt);
  if (missing.length > 0) return say(`To call ${name} I need to know: ${missing.join(", ")}.`);
  return [{ toolUse: { name, input } }];
}

/** What was not told yet; else what the question is about; else the latest. */
function whatIsKnown(conversation: Conversation): string {
  const { prompt, outcomes, handedOver, wasSaid } = conversation;
  const isNew = (one: Outcome): boolean => !wasSaid(tell(one), one.index);
  const words = stems(prompt);
  const about = outcomes.filter(
    ({ tool, taskId }) => shared(stems(tool), words) > 0 || mentions(prompt, taskId),
  );
  const latest = (about.length > 0 ? about : outcomes).at(-1);
  const news = (about.length > 0 ? about : outcomes).filter(isNew).slice(-5);
  if (news.length > 0) return news.map(tell).join("\n");
  const waiting = handedOver.filter(({ taskId }) => !outcomes.some((one) => one.taskId === taskId)).at(-1);
  if (waiting !== undefined) {
    const { tool, taskId } = waiting;
    return `I do not know: ${tool} was started as task ${taskId}, and nothing has come back in this conversation.`;
  }
  if (latest !== undefined && !isRequest(prompt)) return tell(latest);
  return "I do not know: nothing in this conversation says it. (I am the scripted model of agentcore-local.)";
}

function mentions(prompt: string, taskId: string | undefined): boolean {
  return taskId !== undefined && taskId !== "" && prompt.includes(taskId);
}
