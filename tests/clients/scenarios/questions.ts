/** People who are asked on the way, and the client's model. */
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { Answer, Arguments, Outcome, Person } from "../client.ts";
import { type Cell, expectOneTask, newArguments, type Scenario } from "./scenario.ts";

/** An answer may find the handler waiting still, or run it again; and each question may. */
const attempts = [1, 4] as const;

const accept = (content: NonNullable<Answer["content"]>): Answer => ({ action: "accept", content });

/** What a tool answers to a client of this kind with this person, and what the person was asked. */
async function ask({ clientOf, folder }: Cell, tool: string, person: Person) {
  const messages: string[] = [];
  const args = newArguments();
  const asked = clientOf({
    ...person,
    answer: (message) => {
      messages.push(message);
      return person.answer(message);
    },
  });
  try {
    const outcome = await asked.call(tool, args).outcome;
    return { args, outcome, messages, folder };
  } finally {
    await asked.close();
  }
}

function expectSaid(
  { args, outcome, folder }: { args: Arguments; outcome: Outcome; folder: string },
  said: unknown,
): void {
  expectOneTask(folder, args, outcome, attempts);
  expect(outcome).toMatchObject({ structured: { said } });
}

const oneQuestion: Scenario = {
  name: "a question",
  async run(cell) {
    const told = await ask(cell, "confirm", { answer: () => accept({ sure: true }) });
    expectSaid(told, { sure: true });
    expect(told.messages).toEqual(["Go on?"]);
  },
};

const twoQuestions: Scenario = {
  name: "two questions, one answered wrongly, by the JSON Schema and then by the author's",
  async run(cell) {
    const days = ["four", 3, 4];
    const told = await ask(cell, "trip", {
      answer: (message) =>
        message.startsWith("Where") ? accept({ city: "Oslo" }) : accept({ days: days.shift() ?? 0 }),
    });
    expectSaid(told, { where: { city: "Oslo" }, days: { days: 4 } });
    expect(told.messages.filter((message) => message.startsWith("Where"))).toHaveLength(1);
    const [first, second, third, ...more] = told.messages.filter((message) => message.startsWith("How"));
    expect(first).toBe("How long?");
    expect(second).toMatch(/not fit: .*number/);
    expect(third).toMatch(/not fit: .*odd/);
    expect(more).toEqual([]);
  },
};

const child: Scenario = {
  name: "a question of a child, answered wrongly at first",
  async run(cell) {
    const answers = ["perhaps", true];
    const told = await ask(cell, "delegate", { answer: () => accept({ sure: answers.shift() ?? false }) });
    expectSaid(told, { sure: true });
    expect(told.messages).toEqual(["Go on?", expect.stringContaining("not fit")]);
  },
};

const declined: Scenario = {
  name: "a question that is declined",
  async run(cell) {
    const { outcome, messages } = await ask(cell, "confirm", { answer: () => ({ action: "decline" }) });
    expect(outcome).toMatchObject({ isError: true, text: expect.stringContaining("declined") as string });
    expect(messages).toEqual(["Go on?"]);
  },
};

const tooLate: Scenario = {
  name: "a question that expires while the person thinks",
  async run(cell) {
    const told = await ask(cell, "hurry", {
      answer: async () => {
        await pause(2_500);
        return accept({ sure: true });
      },
    });
    expectSaid(told, "EXPIRED");
    expect(told.messages).toEqual(["Quick?"]);
  },
};

const model: Scenario = {
  name: "a question to its model",
  async run(cell) {
    const told = await ask(cell, "title", { answer: nobody, model: "A title" });
    expectSaid(told, { role: "assistant", content: { type: "text", text: "A title" } });
  },
};

const noModel: Scenario = {
  name: "a question to a model that it does not have",
  async run(cell) {
    const { outcome, messages } = await ask(cell, "title", { answer: nobody });
    const text = expect.stringMatching(/"sample:\w+" in time; it needs one that declares sampling/) as string;
    expect(outcome).toMatchObject({ kind: "result", isError: true, text });
    expect(messages).toEqual([]);
  },
};

function nobody(message: string): never {
  throw new Error(`a person was asked: ${message}`);
}

export const questions: readonly Scenario[] = [
  oneQuestion,
  twoQuestions,
  child,
  declined,
  tooLate,
  model,
  noModel,
];
