import { describe, expect, it } from "vitest";
import type { TaskId } from "../../task/id.ts";
import { parseEventId, type Resumption, toEventId } from "./event-id.ts";

const call: Resumption = {
  kind: "call",
  taskId: "0abcDEF123" as TaskId,
  since: 1_780_000_000_000,
  requestId: 7,
  progressToken: undefined,
  heard: [],
};

describe("the id of an event", () => {
  it.each<[string, Partial<Resumption>]>([
    ["of a held call", {}],
    ["of tasks/result", { kind: "result" }],
    ["with what was heard on it", { heard: ["q4", "q17"] }],
    ["with an id that is text", { requestId: "7" }],
    ["with dots, spaces, quotes, line ends and other alphabets", { requestId: 'a.b "c"\r\n日本\u{1f600}' }],
    ["with half a character", { requestId: "\ud83d" }],
    ["with a progress token", { progressToken: 0 }],
    ["with a progress token that is text", { progressToken: "…" }],
  ])("comes back as it was: %s", (_, part) => {
    const eventId = toEventId({ ...call, ...part });
    expect(eventId).toMatch(/^[\x21-\x7e]+$/);
    expect(parseEventId(eventId ?? "")).toEqual({ ...call, ...part });
  });

  it("is none where it would not fit a header", () => {
    expect(toEventId({ ...call, requestId: "x".repeat(3_000) })).toBeUndefined();
  });

  it.each([
    "",
    "end",
    "1",
    "call",
    "call.a.b",
    "call.a.b.",
    "call.a.b.7",
    "call.a.b.%5B%5D",
    "call.a.b.%",
    "ask.a.b.[7]",
    "call.a.b.[7,8,9]",
    "call.a.b.[null]",
    "call.a-b.c.[7]",
    "call.a.b~.[7]",
    "call.a.b~q1.q2",
  ])("%j was made by somebody else", (eventId) => {
    expect(parseEventId(eventId)).toBeUndefined();
  });
});
