import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatAgentMarker,
  formatMessage,
  formatSessionMarker,
  parseItem,
  parseMessages,
  type SessionMessage,
  shownMessage,
} from "./session-format.ts";

const at = "2026-03-01T10:00:00.123456+00:00";
const times = { createdAt: at, updatedAt: at };
const said = (text: string): SessionMessage => ({
  message: { role: "user", content: [{ text }] },
  messageId: 0,
  ...times,
});

describe("a message", () => {
  it("is the envelope that Python writes", () => {
    expect(formatMessage(said("hello"))).toEqual({
      conversational: {
        role: "USER",
        content: {
          text: JSON.stringify({
            message: { role: "user", content: [{ text: "hello" }] },
            message_id: 0,
            redact_message: null,
            created_at: at,
            updated_at: at,
          }),
        },
      },
    });
  });

  it("of 100,000 characters with its role is the pair in a blob, of one less still conversational", () => {
    const around = 100_000 - lengthOf(said("")) - "user".length;
    const below = formatMessage(said("x".repeat(around - 1)));
    expect(below).toHaveProperty("conversational");
    const from = formatMessage(said("x".repeat(around)));
    expect(from && "blob" in from && from.blob).toMatch(/^\["\{\\"message\\":.*,"user"\]$/);
    expect(parseMessages([below, from]).map(({ message }) => message.content)).toEqual([
      [{ text: "x".repeat(around - 1) }],
      [{ text: "x".repeat(around) }],
    ]);
  });

  it("keeps bytes, wherever they lie", () => {
    const content = [{ image: { format: "png", source: { bytes: new Uint8Array([0, 255, 7]) } } }];
    const given: SessionMessage = { message: { role: "user", content }, messageId: 0, ...times };
    const item = formatMessage(given);
    expect(JSON.stringify(item)).toContain(
      '\\"bytes\\":{\\"__bytes_encoded__\\":true,\\"data\\":\\"AP8H\\"}',
    );
    expect(parseItem(item)).toEqual({ kind: "message", value: given });
  });

  it("leaves blank texts out, and is none of nothing else", () => {
    const message = {
      role: "assistant",
      content: [{ text: " \n" }, { toolUse: { toolUseId: "1" } }],
    } as const;
    expect(parseMessages([formatMessage({ message, messageId: 0, ...times })])[0]?.message.content).toEqual([
      { toolUse: { toolUseId: "1" } },
    ]);
    expect(formatMessage(said(" "))).toBeUndefined();
    expect(
      parseItem({ conversational: { role: "USER", content: { text: textOf(said("")) } } }),
    ).toBeUndefined();
  });

  it("that was withdrawn shows what stands in its place", () => {
    const redactMessage = { role: "user", content: [{ text: "[redacted]" }] } as const;
    const [read] = parseMessages([formatMessage({ ...said("secret"), redactMessage })]);
    expect(read && shownMessage(read)).toEqual(redactMessage);
  });

  it("comes back as it was, whatever it says", () => {
    const block = fc.oneof(
      fc.record({ text: fc.string({ minLength: 1, unit: "binary" }).filter((text) => text.trim() !== "") }),
      fc.record({ toolResult: fc.record({ toolUseId: fc.string(), content: fc.array(fc.jsonValue()) }) }),
    );
    const messages = fc.record({
      role: fc.constantFrom("user" as const, "assistant" as const),
      content: fc.array(block, { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(messages, (message) => {
        const given = JSON.parse(JSON.stringify({ message, messageId: 0, ...times })) as SessionMessage;
        expect(parseMessages([formatMessage(given)])).toEqual([given]);
      }),
    );
  });
});

describe("the markers", () => {
  it("are blobs of JSON text, and come back", () => {
    const session = { sessionId: "s-1", ...times };
    const agent = {
      agentId: "a",
      state: { n: 1 },
      conversationManagerState: { __name__: "SlidingWindowConversationManager" },
      internalState: { interrupt_state: { activated: false } },
      ...times,
    };
    expect(formatSessionMarker(session)).toEqual({
      blob: JSON.stringify({ session_id: "s-1", session_type: "AGENT", created_at: at, updated_at: at }),
    });
    expect(parseItem(formatSessionMarker(session))).toEqual({ kind: "session", value: session });
    expect(parseItem(formatAgentMarker(agent))).toEqual({ kind: "agent", value: agent });
  });
});

describe("what is of another format", () => {
  it.each([
    ["plain text", { conversational: { role: "USER", content: { text: "hello" } } }],
    ["an object as blob", { blob: { message: { role: "user", content: [{ text: "x" }] } } }],
    ["json", { json: { content: { message: { role: "user", content: [{ text: "x" }] } } } }],
    ["a pair without an envelope", { blob: '["text","user"]' }],
    [
      "an unknown role",
      { conversational: { role: "USER", content: { text: '{"message":{"role":"system","content":[]}}' } } },
    ],
    ["nothing", undefined],
    ["a list", []],
    ["blob bytes", { blob: new Uint8Array(3) }],
  ])("is passed over: %s", (_, item) => {
    expect(parseItem(item)).toBeUndefined();
    expect(parseMessages([item])).toEqual([]);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const items = [
          value,
          { blob: text },
          { conversational: value },
          { conversational: { content: { text } } },
        ];
        expect(items.map(parseItem)).toHaveLength(4);
      }),
    );
  });
});

function textOf(given: SessionMessage): string {
  const { message, messageId, createdAt, updatedAt } = given;
  return JSON.stringify({
    message,
    message_id: messageId,
    redact_message: null,
    created_at: createdAt,
    updated_at: updatedAt,
  });
}

function lengthOf(given: SessionMessage): number {
  return textOf(given).length;
}
