import type { MessageData } from "@strands-agents/sdk";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrange, lastOf, toHistory } from "./history.ts";
import { outline, refusal } from "./scripted-model.fixture.ts";

const user = (text: string): MessageData => ({ role: "user", content: [{ text }] });
const assistant = (text: string): MessageData => ({ role: "assistant", content: [{ text }] });
const calls = (...ids: string[]): MessageData => ({
  role: "assistant",
  content: ids.map((toolUseId) => ({ toolUse: { toolUseId, name: toolUseId, input: {} } })),
});
const results = (status: "success" | "error", ...ids: string[]): MessageData => ({
  role: "user",
  content: ids.map((toolUseId) => ({
    toolResult: { toolUseId, status, content: [{ text: `${toolUseId} ${status}` }] },
  })),
});
const shown = (messages: readonly MessageData[]) => toHistory(messages).map(outline);

describe("a history", () => {
  it("of a call that another program took for interrupted has its own result", () => {
    const messages = [user("go"), calls("1"), results("error", "1"), user("x"), results("success", "1")];
    expect(shown(messages)).toEqual([
      "user: go",
      "assistant: calls 1",
      'user: result [{"text":"1 success"}] | x',
    ]);
  });

  it("of a call without a result says that it was lost", () => {
    const [, , last] = shown([user("go"), calls("1", "2"), results("success", "2"), assistant("ok")]);
    expect(last).toMatch(/^user: result .*was lost.* \| result .*2 success/);
  });

  it("counts calls anew where a provider does", () => {
    const turn = [user("go"), calls("1"), results("success", "1"), assistant("ok")];
    const lostTurn = [user("go"), calls("1"), assistant("lost")];
    expect(shown([...lostTurn, ...turn]).filter((line) => line.includes("was lost"))).toHaveLength(1);
  });

  it("that begins with the agent gets a beginning", () => {
    expect(shown([assistant("hello")])[0]).toContain("beginning of this conversation is not shown");
    expect(arrange([assistant("hello")])).toHaveLength(1);
  });

  it("of one long turn is not cut", () => {
    const turn = [user("go"), calls("1"), results("success", "1"), calls("2"), results("success", "2")];
    expect(lastOf(turn, 2)).toEqual(turn);
    expect(lastOf([user("a"), assistant("b"), ...turn], 3)).toEqual(turn);
    expect(lastOf([...turn, assistant("c"), user("d"), assistant("e")], 3)).toHaveLength(2);
  });
});

/** What an agent does in a turn: rounds of calls at once. */
const turn = fc.record({
  calls: fc.array(fc.record({ parallel: fc.integer({ min: 1, max: 3 }) }), { maxLength: 3 }),
});

it("is one that a strict provider accepts, whatever came between what; nothing is lost, nothing is twice", () => {
  const given = fc.record({
    turns: fc.array(turn, { minLength: 1, maxLength: 6 }),
    deliveries: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
    window: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(given, ({ turns, deliveries, window }) => {
      const written: MessageData[] = turns.flatMap((one, at) => [
        user(`ask ${at};`),
        ...one.calls.flatMap(({ parallel }, call) => {
          const ids = Array.from({ length: parallel }, (_, index) => `${at}-${call}-${index};`);
          return [calls(...ids), results("success", ...ids)];
        }),
        assistant(`answer ${at};`),
      ]);
      deliveries.forEach((place, index) => {
        written.splice(Math.floor(place * (written.length + 1)), 0, user(`delivered ${index};`));
      });
      const history = toHistory(written);
      expect(refusal(history)).toBeUndefined();
      const all = JSON.stringify(history);
      for (const block of written.flatMap(({ content }) => content)) {
        expect(all.split(JSON.stringify(block))).toHaveLength(2);
      }
      const some = lastOf(history, window);
      expect(refusal(some)).toBeUndefined();
      expect(history.slice(-some.length)).toEqual(some);
    }),
    { numRuns: 300 },
  );
});

it("of any messages at all is accepted", () => {
  const id = fc.constantFrom("1", "2", "3");
  const block = fc.oneof(
    fc.constant({ text: "t" }),
    id.map((toolUseId) => ({ toolUse: { toolUseId, name: "n", input: {} } })),
    id.map((toolUseId) => ({ toolResult: { toolUseId, status: "success" as const, content: [] } })),
  );
  const message = fc.record({
    role: fc.constantFrom("user" as const, "assistant" as const),
    content: fc.array(block, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
      expect(refusal(toHistory(messages as MessageData[]))).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});
