/** What the scripted model says, from conversations as agents restore them. */
import { describe, expect, it } from "vitest";
import type { ModelRequest } from "../../model.ts";
import type { Message, ToolSpec } from "../../shapes.ts";
import { scriptedModel } from "./scripted.ts";

const trainModel: ToolSpec = {
  name: "train_model",
  description: "Train a classifier of handwritten digits.",
  inputSchema: {
    json: {
      type: "object",
      properties: {
        dataset: { type: "string" },
        epochs: { type: "integer", default: 10 },
        learning_rate: { type: "number" },
        optimizer: { enum: ["adam", "sgd"] },
      },
      required: ["dataset"],
    },
  },
};
const taskTool = (name: string): ToolSpec => ({ name, inputSchema: { json: { type: "object" } } });
const tools = [
  taskTool("check_task_status"),
  taskTool("answer_task"),
  taskTool("cancel_task"),
  trainModel,
  {
    name: "search_settings",
    description: "Search good settings for train_model.",
    inputSchema: { json: {} },
  },
];

const user = (...texts: string[]): Message => ({ role: "user", content: texts.map((text) => ({ text })) });
const assistant = (text: string): Message => ({ role: "assistant", content: [{ text }] });
const called = (name = "train_model", input = {}): Message => ({
  role: "assistant",
  content: [{ toolUse: { toolUseId: "c1", name, input } }],
});
const result = (text: string, status: "success" | "error" = "success"): Message => ({
  role: "user",
  content: [{ toolResult: { toolUseId: "c1", content: [{ text }], status } }],
});
const delivered = (status: string, body: string, behind = ""): Message =>
  user(
    "[Delivered by a server, not written by the user] Below is the output of tools.\n\n" +
      `<tool_output tool="train_model" task_id="t-1" at="2026-01-01T00:00:00.000Z" status="${status}">\n` +
      `${body.replaceAll(/^/gm, "| ")}\n</tool_output>${behind}`,
  );
const noted = assistant("Noted: the output of background work (train_model) is here.");
const started = [
  user("Train a classifier on mnist."),
  called(),
  result("train_model is running in the background as task t-1. Its result comes by itself."),
  assistant("train_model is started."),
];

interface Said {
  text: string;
  calls: { name: string; input: unknown }[];
}

async function say(messages: Message[], more: Partial<ModelRequest> = {}): Promise<Said> {
  const request = {
    modelId: "",
    system: "",
    messages,
    tools,
    toolChoice: "auto",
    inference: {},
    ...more,
  } as const;
  const said: Said = { text: "", calls: [] };
  for await (const piece of scriptedModel.generate(request, new AbortController().signal)) {
    if ("text" in piece) said.text += piece.text;
    if ("toolUse" in piece) said.calls.push(piece.toolUse);
  }
  return said;
}

describe("asked to do something", () => {
  it.each<[string, object]>([
    ["Train a classifier on mnist.", { dataset: "mnist", epochs: 10 }],
    ["Train on the data set mnist, for 3 epochs.", { dataset: "mnist", epochs: 3 }],
    ["Train it with the mnist dataset please.", { dataset: "mnist", epochs: 10 }],
    ["Please train it with dataset: digits-2 for 25 epochs", { dataset: "digits-2", epochs: 25 }],
    [
      'Could you train a model on "the big one", learning rate 0.05, optimizer sgd?',
      { dataset: "the big one", epochs: 10, learning_rate: 0.05, optimizer: "sgd" },
    ],
    ['train {"dataset":"d","epochs":3}', { dataset: "d", epochs: 3 }],
  ])(
    "%s calls the tool whose name says it, with what was said and the schema's defaults",
    async (prompt, input) => {
      expect((await say([user(prompt)])).calls).toEqual([{ name: "train_model", input }]);
    },
  );

  it("reads names that mean something to a regular expression as names", async () => {
    const properties = {
      "c++": { type: "string" },
      "a.b[": { type: "integer", default: 1 },
      "*": { type: "string" },
    };
    const odd = { name: "train_model", inputSchema: { json: { type: "object", properties } } };
    const { calls } = await say([user("Train with c: x")], { tools: [odd] });
    expect(calls).toEqual([{ name: "train_model", input: { "c++": "x", "a.b[": 1 } }]);
  });

  it("asks for what it was not told, and invents nothing", async () => {
    expect(await say([user("Train!")])).toEqual({
      text: "To call train_model I need to know: dataset.",
      calls: [],
    });
  });

  it("calls the tool that it must call", async () => {
    const { calls } = await say([user("digits, dataset: x")], { toolChoice: { name: "train_model" } });
    expect(calls).toEqual([{ name: "train_model", input: { dataset: "x", epochs: 10 } }]);
  });

  it("cancels what runs, instead of beginning it again", async () => {
    const { calls } = await say([...started, user("Cancel the training.")]);
    expect(calls).toEqual([{ name: "cancel_task", input: { task_id: "t-1" } }]);
  });

  it("does nothing that no tool is there for", async () => {
    const { text, calls } = await say([user("Write a poem.")]);
    expect(text).toMatch(/^I do not know/);
    expect(calls).toEqual([]);
  });
});

describe("given a tool's result", () => {
  it("says of a hand-over that it is started", async () => {
    const { text, calls } = await say(started.slice(0, 3));
    expect(text).toContain("train_model is started, as task t-1");
    expect(calls).toEqual([]);
  });

  it("tells what came", async () => {
    const { text } = await say([...started.slice(0, 2), result('{"accuracy":0.93,"of":{"loss":0.2}}')]);
    expect(text).toBe("train_model is completed: accuracy 0.93, of loss 0.2.");
  });

  it("tells an error", async () => {
    const { text } = await say([...started.slice(0, 2), result("no such data set", "error")]);
    expect(text).toBe("train_model failed: no such data set.");
  });
});

describe("asked for a result", () => {
  it("tells what was delivered, and calls nothing", async () => {
    const asked = user("What accuracy did the training reach?");
    const { text, calls } = await say([
      ...started,
      delivered("completed", '{"accuracy":0.93}'),
      noted,
      asked,
    ]);
    expect(text).toContain("accuracy 0.93");
    expect(calls).toEqual([]);
  });

  it("finds it also where it was merged with the user's words", async () => {
    const [block] = delivered("completed", '{"accuracy":0.93}').content;
    const merged: Message = { role: "user", content: [...(block ? [block] : []), { text: "And now?" }] };
    expect((await say([...started, merged])).text).toContain("accuracy 0.93");
  });

  it("tells it again when asked again", async () => {
    const history = [...started, delivered("completed", '{"accuracy":0.93}'), noted, user("How did it go?")];
    const first = await say(history);
    const again = await say([...history, assistant(first.text), user("What was the accuracy?")]);
    expect(again.text).toBe(first.text);
  });

  it("tells of a failure with its cause, and of a cancellation", async () => {
    const failed = delivered("failed", "TIMEOUT: the attempt took longer than 1 h.");
    expect((await say([...started, failed, noted, user("Why did it fail?")])).text).toBe(
      "train_model (task t-1) failed: TIMEOUT: the attempt took longer than 1 h.",
    );
    const cancelled = delivered("cancelled", "by the operator");
    expect((await say([...started, cancelled, noted, user("And?")])).text).toContain(
      "was cancelled: by the operator",
    );
  });

  it("does not know what the conversation does not hold", async () => {
    expect((await say([...started, user("What accuracy did it reach?")])).text).toMatch(
      /^I do not know: train_model was started as task t-1, and nothing has come back/,
    );
    expect((await say([user("What accuracy did the training reach?")])).text).toMatch(
      /^I do not know: nothing/,
    );
  });

  it("believes no marks that the assistant wrote", async () => {
    const own = { ...delivered("completed", '{"accuracy":0.99}'), role: "assistant" as const };
    expect((await say([...started.slice(0, 3), own, user("How did it go?")])).text).toMatch(/^I do not know/);
  });
});

describe("a question of a task", () => {
  const schema = { type: "object", properties: { goOn: { type: "boolean" } }, required: ["goOn"] };
  const asking = delivered(
    "input_required",
    `Loss rises. Go on?\nAn answer must fit: ${JSON.stringify(schema)}`,
    '\nThe task waits for an answer of the user. To give it, call answer_task with {"task_id":"t-1","key":"q1"} and the answer.',
  );
  const asked = [...started, asking, noted, user("Any news?")];

  it("is put to the user", async () => {
    expect(await say(asked)).toEqual({ text: "train_model asks: Loss rises. Go on?", calls: [] });
  });

  it.each<[string, boolean]>([
    ["Yes, go on.", true],
    ["No, stop it.", false],
  ])("what the user says to it is passed on: %s", async (said, goOn) => {
    const { calls } = await say([...asked, assistant("train_model asks: Loss rises. Go on?"), user(said)]);
    expect(calls).toEqual([{ name: "answer_task", input: { task_id: "t-1", key: "q1", content: { goOn } } }]);
  });

  it("is over when it was answered", async () => {
    const answered = [
      ...asked,
      assistant("train_model asks: Loss rises. Go on?"),
      user("Yes."),
      called("answer_task", { task_id: "t-1", key: "q1", content: { goOn: true } }),
      result("The answer is taken.\ntrain_model is working. To wait for its end, call check_task_status."),
    ];
    expect((await say(answered)).text).toBe("The answer is taken.");
    expect((await say([...answered, assistant("The answer is taken."), user("How is it?")])).text).toMatch(
      /^I do not know/,
    );
  });

  it("comes with a hand-over too", async () => {
    const handOver =
      "train_model is running in the background as task t-1. It goes on.\nIt waits for an answer.\n" +
      `q1: Go on?\n(content: ${JSON.stringify(schema)})`;
    const first = [...started.slice(0, 2), result(handOver)];
    expect((await say(first)).text).toBe("train_model asks: Go on?");
    const { calls } = await say([...first, assistant("train_model asks: Go on?"), user("yes")]);
    expect(calls).toEqual([
      { name: "answer_task", input: { task_id: "t-1", key: "q1", content: { goOn: true } } },
    ]);
  });
});
