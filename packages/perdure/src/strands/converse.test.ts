import { Message, type MessageData } from "@strands-agents/sdk";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { formatMessage, parseMessages } from "../agentcore/session-format.ts";
import { fromConverse, toConverse } from "./converse.ts";

const at = "2026-03-01T10:00:00.000Z";

/** Through memory, and back. */
function roundTrip(message: Message): MessageData | undefined {
  const item = formatMessage({ message: toConverse(message), messageId: 0, createdAt: at, updatedAt: at });
  const stored = JSON.parse(JSON.stringify(item)) as unknown;
  const [read] = parseMessages([stored]);
  return read && fromConverse(read.message);
}

const text = fc.string({ minLength: 1, unit: "grapheme" }).filter((one) => one.trim() !== "");
const bytes = fc.uint8Array({ maxLength: 40 });
const location = fc.record({ location: fc.record({ type: fc.constant("s3" as const), uri: text }) });
const image = fc.record({
  image: fc.record({
    format: fc.constantFrom("png" as const, "jpeg" as const),
    source: fc.oneof(fc.record({ bytes }), fc.record({ url: text }), location),
  }),
});
const video = fc.record({
  video: fc.record({ format: fc.constant("mp4" as const), source: fc.oneof(fc.record({ bytes }), location) }),
});
const audio = fc.record({
  audio: fc.record({ format: fc.constant("mp3" as const), source: fc.record({ bytes }) }),
});
const document = fc.record({
  document: fc.record(
    {
      name: text,
      format: fc.constant("pdf" as const),
      source: fc.oneof(
        fc.record({ bytes }),
        fc.record({ text }),
        fc.record({ content: fc.array(fc.record({ text }), { minLength: 1, maxLength: 2 }) }),
        location,
      ),
      citations: fc.record({ enabled: fc.boolean() }),
      context: text,
    },
    { requiredKeys: ["name", "format", "source"] },
  ),
});
const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__"));
const toolUse = fc.record({
  toolUse: fc.record(
    { name: text, toolUseId: text, input: json.filter((value) => value !== null), reasoningSignature: text },
    { requiredKeys: ["name", "toolUseId", "input"] },
  ),
});
const toolResult = fc.record({
  toolResult: fc.record({
    toolUseId: text,
    status: fc.constantFrom("success" as const, "error" as const),
    content: fc.array(fc.oneof(fc.record({ text }), fc.record({ json }), image, video, document), {
      maxLength: 3,
    }),
  }),
});
const reasoning = fc
  .record({ text, signature: text, redactedContent: bytes }, { requiredKeys: [] })
  .filter((one) => Object.keys(one).length > 0)
  .map((one) => ({ reasoning: one }));
const span = { documentIndex: fc.nat(), start: fc.nat(), end: fc.nat() };
const citations = fc.record({
  citations: fc.record({
    citations: fc.array(
      fc.record({
        location: fc.oneof(
          fc.record({ type: fc.constantFrom("documentChar", "documentPage", "documentChunk"), ...span }),
          fc.record({
            type: fc.constant("searchResult"),
            searchResultIndex: fc.nat(),
            start: fc.nat(),
            end: fc.nat(),
          }),
          fc.record({ type: fc.constant("web"), url: text, domain: text }, { requiredKeys: ["type", "url"] }),
        ),
        source: text,
        sourceContent: fc.array(fc.record({ text }), { maxLength: 2 }),
        title: text,
      }),
      { maxLength: 2 },
    ),
    content: fc.array(fc.record({ text }), { maxLength: 2 }),
  }),
});
const cachePoint = fc.record({
  cachePoint: fc.record(
    { cacheType: fc.constant("default" as const), ttl: fc.constant("5m" as const) },
    { requiredKeys: ["cacheType"] },
  ),
});
const guardContent = fc.record({
  guardContent: fc.oneof(
    fc.record({ text: fc.record({ qualifiers: fc.constant(["query" as const]), text }) }),
    fc.record({ image: fc.record({ format: fc.constant("png" as const), source: fc.record({ bytes }) }) }),
  ),
});
const block = fc.oneof(
  fc.record({ text }),
  image,
  video,
  audio,
  document,
  toolUse,
  toolResult,
  reasoning,
  citations,
  cachePoint,
  guardContent,
);
const message = fc.record({
  role: fc.constantFrom("user" as const, "assistant" as const),
  content: fc.array(block, { minLength: 1, maxLength: 4 }),
});

it("every message of Strands comes back from memory as it was", () => {
  fc.assert(
    fc.property(message, (data) => {
      const given = Message.fromMessageData(data as MessageData);
      const back = roundTrip(given);
      expect(back).toBeDefined();
      const { trackingId: _, ...shown } = Message.fromMessageData(back as MessageData).toJSON();
      const { trackingId: __, ...wanted } = given.toJSON();
      expect(shown).toEqual(JSON.parse(JSON.stringify(wanted)));
    }),
    { numRuns: 500 },
  );
});

it("is Converse's own form in between, as Python knows it", () => {
  const content = [
    { reasoning: { text: "hm", signature: "sig", redactedContent: new Uint8Array([1]) } },
    { cachePoint: { cacheType: "default" } },
    {
      citations: {
        citations: [
          {
            location: { type: "searchResult", searchResultIndex: 1, start: 0, end: 2 },
            source: "s",
            sourceContent: [],
            title: "t",
          },
        ],
        content: [{ text: "said" }],
      },
    },
  ];
  const given = Message.fromMessageData({ role: "assistant", content } as MessageData);
  expect(toConverse(given).content).toEqual([
    {
      reasoningContent: {
        reasoningText: { text: "hm", signature: "sig" },
        redactedContent: new Uint8Array([1]),
      },
    },
    { cachePoint: { type: "default" } },
    {
      citationsContent: {
        citations: [
          {
            location: { searchResultLocation: { searchResultIndex: 1, start: 0, end: 2 } },
            source: "s",
            sourceContent: [],
            title: "t",
          },
        ],
        content: [{ text: "said" }],
      },
    },
  ]);
});

it("any junk is survived: what is understood can be shown to Strands, the rest is counted", () => {
  const names = fc.constantFrom(
    "text",
    "toolUse",
    "toolResult",
    "image",
    "video",
    "audio",
    "document",
    "reasoningContent",
    "citationsContent",
    "cachePoint",
    "guardContent",
    "hologram",
  );
  const inner = fc.constantFrom("source", "format", "content", "toolUseId", "name", "text", "image", "bytes");
  const value = fc.oneof(fc.jsonValue(), fc.dictionary(inner, fc.jsonValue()));
  const junk = fc.dictionary(names, value, { maxKeys: 2 });
  fc.assert(
    fc.property(fc.array(fc.oneof(junk, fc.record({ text })), { maxLength: 4 }), (content) => {
      let skipped = 0;
      const read = fromConverse({ role: "user", content }, (blocks) => (skipped += blocks));
      expect((read?.content.length ?? 0) + skipped).toBe(content.length);
      const shown = Message.fromMessageData(read ?? { role: "user", content: [] });
      expect(JSON.stringify(shown)).toContain("role");
    }),
    { numRuns: 1_000 },
  );
});
