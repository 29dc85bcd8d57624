/**
 * The generated tools: the same task for a client that knows only tools. Their names are those of AWS's post.
 *
 * Each text says what to do next and when, and holds nothing that changes while nothing has happened: a model that
 * polls in a loop, and a host's guard against loops, must see the same answer as the same. Waiting is the server's
 * work: `wait_seconds` returns when there is news, so one call does for a minute of polling.
 */
import { z } from "zod";
import { PerdureError, ProtocolError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject, JsonValue } from "../../task/json.ts";
import { endDelivery, type Question, type SessionContext, type TaskSummary } from "../../task/record.ts";
import { isTerminal, taskStatuses } from "../../task/status.ts";
import { describeQuestions } from "../call/asked.ts";
import { howToWait, maxWaitSeconds } from "../call/hand-over.ts";
import { giveAnswer, questionsOf } from "../call/questions.ts";
import { toLinkedOutcome } from "../call/artifact-links.ts";
import { textBlock, toolError, type ToolResult } from "../call/tool-result.ts";
import type { ObjectSchema } from "../../engine/json-schema.ts";
import type { GeneratedTool, PlainContext, PlainTool, Service } from "../service.ts";
import { toObjectSchema } from "../../engine/json-schema.ts";

const taskId = z.string().min(1).max(200);

const text = { type: "string" };
const head = { task_id: text, tool: text, status: text, created_at: text };
const headOutput: ObjectSchema = { type: "object", properties: head };
const statusOutput: ObjectSchema = {
  type: "object",
  properties: {
    ...head,
    progress: { type: "object" },
    poll_after_seconds: { type: "number" },
    waiting_for: text,
    delivery: text,
    questions: { type: "array", items: { type: "object" } },
  },
};
const listOutput: ObjectSchema = {
  type: "object",
  properties: { tasks: { type: "array", items: { type: "object" } }, cursor: text },
};

const made = new WeakMap<Service, readonly PlainTool[]>();

/**
 * The generated tools that the settings do not hide, as ordinary tools. Made once for a service: the SDK wants a server
 * for each request, and their schemas take 2 ms.
 */
export function generatedPlainTools(service: Service): readonly PlainTool[] {
  const known = made.get(service);
  if (known !== undefined) return known;
  const tools = [...service.settings.toolNames].map(([key, name]) => definitions[key](service, name));
  made.set(service, tools);
  return tools;
}

type Definition = (service: Service, name: string) => PlainTool;

const definitions: Record<GeneratedTool, Definition> = {
  check_task_status: (service, name) =>
    plainTool(name, {
      description: "Status of a background task. wait_seconds waits for news instead of polling.",
      input: z.object({ task_id: taskId, wait_seconds: z.number().min(0).max(maxWaitSeconds).optional() }),
      output: statusOutput,
      run: async ({ task_id, wait_seconds = 0 }, { owner, session, signal }) => {
        const task = await waitForNews(service, { taskId: task_id as TaskId, owner }, wait_seconds, signal);
        return task === undefined ? unknownTask(task_id) : await statusResult(service, task, session);
      },
    }),
  get_task_results: (service, name) =>
    plainTool(name, {
      description: "Result of a completed background task.",
      input: z.object({ task_id: taskId }),
      run: async ({ task_id }, { owner, session }) => {
        const task = await service.runtime.store.get({ taskId: task_id as TaskId, owner });
        if (task === undefined) return unknownTask(task_id);
        if (!isTerminal(task.status)) return await statusResult(service, task, session);
        service.runtime.endGiven(task);
        const outcome = await toLinkedOutcome(service, task);
        if ("result" in outcome) return outcome.result;
        const { code, message, data } = outcome.error;
        throw new ProtocolError(code, message, data === undefined ? {} : { data });
      },
    }),
  answer_task: (service, name) =>
    plainTool(name, {
      description: "The user's answer to a question of a background task that is input_required.",
      input: z.object({
        task_id: taskId,
        key: z.string().optional(),
        action: z.enum(["accept", "decline", "cancel"]).optional(),
        content: z.looseObject({}).optional(),
      }),
      run: async ({ task_id, key, action = "accept", content }, { owner, session }) => {
        const task = await service.runtime.store.summary({ taskId: task_id as TaskId, owner });
        if (task === undefined) return unknownTask(task_id);
        const open = await forPeople(service, task);
        const question = questionFor(key, open);
        if (question === undefined) return noSuchQuestion(service, task, key, open);
        const outcome = await giveAnswer(service, {
          taskId: task.id,
          owner,
          key: question.key,
          action,
          content: content as JsonObject | undefined,
        });
        if (outcome.taken) return statusAfterAnswer(service, task, session);
        const left = await forPeople(service, task);
        if (outcome.problem === undefined) return noSuchQuestion(service, task, question.key, left);
        return wrong(service, `The answer to ${question.key} does not fit: ${outcome.problem}.`, task, left);
      },
    }),
  cancel_task: (service, name) =>
    plainTool(name, {
      description: "Ends a background task for good.",
      input: z.object({ task_id: taskId, reason: z.string().max(500).optional() }),
      output: headOutput,
      run: async ({ task_id, reason }, { owner }) => {
        const outcome = await service.runtime.store.cancel({
          taskId: task_id as TaskId,
          owner,
          reason,
          byCaller: true,
        });
        if (outcome === undefined) return unknownTask(task_id);
        const { task, cancelled } = outcome;
        const said = cancelled
          ? "The task is cancelled."
          : `The task had already ended: it is ${task.status}.`;
        return { content: [textBlock(said)], structuredContent: headOf(task) };
      },
    }),
  list_tasks: (service, name) =>
    plainTool(name, {
      description: "Your background tasks, newest first.",
      input: z.object({
        status: z.enum(taskStatuses).optional(),
        cursor: z.string().optional(),
        children: z.boolean().optional(),
      }),
      output: listOutput,
      run: async ({ children = false, ...query }, { owner }) => {
        const page = await service.runtime.store.list({ ...query, children, owner, limit: 50 });
        const lines = page.tasks.map((task) => `${task.id} ${task.tool}: ${task.status}`);
        const more = page.cursor === undefined ? {} : { cursor: page.cursor };
        const said = lines.length === 0 ? "There are no tasks." : lines.join("\n");
        return {
          content: [textBlock(said)],
          structuredContent: { tasks: page.tasks.map(headOf), ...more },
        };
      },
    }),
};

interface PlainDefinition<Input extends z.ZodObject> {
  readonly description: string;
  readonly input: Input;
  readonly output?: ObjectSchema;
  readonly run: (input: z.output<Input>, context: PlainContext) => Promise<ToolResult>;
}

function plainTool<Input extends z.ZodObject>(name: string, definition: PlainDefinition<Input>): PlainTool {
  const { description, input, output, run } = definition;
  return {
    name,
    title: undefined,
    description,
    annotations: undefined,
    inputSchema: toObjectSchema(input, name),
    outputSchema: output,
    parseInput: async (value) => {
      const parsed = await input.safeParseAsync(value ?? {});
      if (parsed.success) return parsed.data;
      const issues = parsed.error.issues.map((issue) => [...issue.path, issue.message].join(": "));
      throw new PerdureError("INVALID_INPUT", {
        message: `the input of ${name} does not fit its schema: ${issues.join("; ")}`,
      });
    },
    parseOutput: async (value) => value,
    handler: (value, context) => run(value as z.output<Input>, context),
  };
}

/** Resolves with the task once it has ended or asks something, or after the wait; never for progress alone. */
async function waitForNews(
  { runtime }: Service,
  key: { readonly taskId: TaskId; readonly owner: string },
  seconds: number,
  signal: AbortSignal,
): Promise<TaskSummary | undefined> {
  using watch = runtime.watches.open(key.taskId);
  const waited = new AbortController();
  const timer = runtime.clock.after(seconds * 1_000, () => waited.abort());
  const until = AbortSignal.any([waited.signal, signal]);
  try {
    for (;;) {
      const task = await runtime.store.summary(key);
      if (task?.status !== "working" || seconds === 0 || until.aborted) return task;
      await watch.changed(until);
    }
  } finally {
    timer.cancel();
  }
}

async function statusResult(
  service: Service,
  task: TaskSummary,
  session: SessionContext | undefined,
): Promise<ToolResult> {
  // All there is to know of it; a result is fetched by another tool.
  if (task.status !== "completed") service.runtime.endGiven(task);
  const questions = task.status === "input_required" ? await questionsOf(service, task.id) : [];
  const pollAfter = isTerminal(task.status)
    ? {}
    : { poll_after_seconds: Math.ceil(service.settings.pollMs / 1_000) };
  const waiting = task.status === "working" ? await service.runtime.waitingFor(task) : undefined;
  const said = [`${task.tool} is ${task.status}.`, waiting, whatNext(service, task, session, questions)];
  const delivery = endDelivery(task);
  const progress: { progress?: JsonValue } =
    task.progress === undefined ? {} : { progress: { ...task.progress } };
  return {
    content: [textBlock(said.filter((part) => part !== undefined && part !== "").join(" "))],
    structuredContent: {
      ...headOf(task),
      ...progress,
      ...pollAfter,
      ...(waiting !== undefined && { waiting_for: waiting }),
      ...(delivery !== undefined && { delivery }),
      ...describeQuestions(service, questions).structure,
    },
  };
}

function whatNext(
  service: Service,
  task: TaskSummary,
  session: SessionContext | undefined,
  questions: readonly Question[],
): string {
  const results = service.settings.toolNames.get("get_task_results");
  switch (task.status) {
    case "working":
      return howToWait(service, task, session);
    case "input_required":
      return describeQuestions(service, questions).text;
    case "completed":
      return results === undefined ? "" : `Call ${results} for the result.`;
    case "failed":
      return task.failure.message;
    case "cancelled":
      return task.reason ?? "";
  }
}

/** What a client's model is asked, no person answers. */
async function forPeople(service: Service, task: TaskSummary): Promise<Question[]> {
  const open = task.status === "input_required" ? await questionsOf(service, task.id) : [];
  return open.filter(({ mode }) => mode !== "sample");
}

/** Without a key, the only question there is. */
function questionFor(key: string | undefined, open: readonly Question[]): Question | undefined {
  if (key === undefined) return open.length === 1 ? open[0] : undefined;
  return open.find((question) => question.key === key);
}

async function statusAfterAnswer(
  service: Service,
  { id }: TaskSummary,
  session: SessionContext | undefined,
): Promise<ToolResult> {
  const task = await service.runtime.store.summary({ taskId: id });
  if (task === undefined) return unknownTask(id);
  const { content, ...status } = await statusResult(service, task, session);
  return { ...status, content: [textBlock("The answer is taken."), ...content] };
}

function noSuchQuestion(
  service: Service,
  task: TaskSummary,
  key: string | undefined,
  open: readonly Question[],
): ToolResult {
  if (open.length === 0) return toolError(`${task.tool} is ${task.status} and asks nothing now.`);
  const said =
    key === undefined ? "Several questions are open: say which by its key." : `No question ${key} is open.`;
  return wrong(service, said, task, open);
}

function wrong(service: Service, said: string, task: TaskSummary, open: readonly Question[]): ToolResult {
  const { text: asked, structure } = describeQuestions(service, open);
  return { ...toolError(`${said}\n${asked}`), structuredContent: { ...headOf(task), ...structure } };
}

function headOf(task: TaskSummary): JsonObject {
  return {
    task_id: task.id,
    tool: task.tool,
    status: task.status,
    created_at: new Date(task.createdAt).toISOString(),
  };
}

function unknownTask(id: string): ToolResult {
  return toolError(`There is no task ${id}: it never was, it has expired, or it belongs to somebody else.`);
}
