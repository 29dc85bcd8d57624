import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../task/json.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Service } from "../service.ts";
import { toOutcome, type ToolResult, valueToResult, wholeResult } from "./tool-result.ts";

const service = { settings: { maxResultBytes: 1_000 } } as Service;
const ended = (state: object) => ({ id: "t1", tool: "train", ...state }) as unknown as TaskRecord;
const completed = (result: JsonValue | undefined) => {
  const outcome = toOutcome(service, ended({ status: "completed", result }));
  return (outcome as { readonly result: ToolResult }).result;
};
const failed = (failure: object) => toOutcome(service, ended({ status: "failed", failure }));
const text = (words: string) => ({ type: "text", text: words });

describe("what a handler returned", () => {
  it.each<[string, JsonValue | undefined, object]>([
    ["nothing", undefined, { content: [] }],
    ["null", null, { content: [] }],
    ["text", "hello", { content: [text("hello")] }],
    ["a number", 7, { content: [text("7")] }],
    ["a list", [1, 2], { content: [text("[1,2]")] }],
    ["an object", { a: 1 }, { content: [text('{"a":1}')], structuredContent: { a: 1 } }],
  ])("%s becomes a tool result", (_, value, result) => {
    expect(valueToResult(value)).toEqual(result);
  });

  it.each([
    text("hello"),
    { type: "image", data: "AAAA", mimeType: "image/png" },
    { type: "audio", data: "AAAA", mimeType: "audio/wav" },
    { type: "resource_link", uri: "file:///a", name: "a" },
    { type: "resource", resource: { uri: "file:///a", text: "a" } },
  ])("a ready result passes as it is: $type", (block) => {
    const ready = { content: [block], isError: true, structuredContent: { a: 1 } };
    expect(valueToResult(ready)).toBe(ready);
  });

  it.each<JsonValue>([
    { content: "a page" },
    { content: [7] },
    { content: [null] },
    { content: [{ type: "chapter", text: "one" }] },
    { content: [{ type: "text" }] },
    { content: [{ type: "image", data: "AAAA" }] },
    { content: [{ type: "toString" }] },
  ])("%j only looks like one", (value) => {
    expect(valueToResult(value)).toEqual({
      content: [text(JSON.stringify(value))],
      structuredContent: value,
    });
  });
});

describe("a large result", () => {
  it("becomes its beginning, and a link to the whole", () => {
    const result = completed({ rows: "x".repeat(5_000) });
    const uri = "perdure://tasks/t1/result";
    expect(result.content[0]?.["text"]).toMatch(/^The result of train is large \(5011 bytes\)[^]*x…$/);
    expect(JSON.stringify(result.content[0]).length).toBeLessThan(2_300);
    expect(result.content[1]).toEqual({
      type: "resource_link",
      uri,
      name: "result of train",
      mimeType: "application/json",
      size: 5_011,
    });
    expect(result.structuredContent).toEqual({
      task_id: "t1",
      status: "completed",
      tool: "train",
      result_uri: uri,
      result_bytes: 5_011,
    });
  });

  it("of text quotes the text, and is text", () => {
    const result = completed(`first line\n${"y".repeat(5_000)}`);
    expect(result.content[0]?.["text"]).toContain("\n\nfirst line\ny");
    expect(result.content[1]).toMatchObject({ mimeType: "text/plain", size: 5_011 });
    expect(wholeResult("a").text).toBe("a");
  });

  it("is counted in bytes, and no character of it is cut in two", () => {
    const result = completed(`x${"😀".repeat(1_200)}`);
    expect(JSON.stringify(result.content)).not.toMatch(/\\ud[89a-f]/i);
    expect(completed("ä".repeat(501)).content).toHaveLength(2);
    expect(completed("a".repeat(1_000)).content).toEqual([text("a".repeat(1_000))]);
  });

  it("that says it is an error still does", () => {
    const result = completed({ content: [text("z".repeat(5_000))], isError: true });
    expect(result.isError).toBe(true);
    expect(result.content[0]?.["text"]).toContain("\n\nzzz");
  });

  it("is not large for its images and its sound", () => {
    const image = { type: "image", data: "A".repeat(500_000), mimeType: "image/png" };
    const ready = { content: [text("a plot"), image] };
    expect(completed(ready)).toBe(ready);
    expect(completed({ content: [text("w".repeat(5_000)), image] }).content).toHaveLength(2);
  });
});

describe("a failure", () => {
  it("is a tool error with the author's message, and nothing else", () => {
    const failure = {
      code: "HANDLER_ERROR",
      message: "no such data set",
      stack: "at /secret/path.ts:1",
      data: { a: 1 },
    };
    expect(failed(failure)).toEqual({ result: { content: [text("no such data set")], isError: true } });
  });

  it("is the JSON-RPC error that the author asked for", () => {
    const failure = {
      code: "PROTOCOL_ERROR",
      message: "out of paper",
      jsonRpcCode: -32_050,
      data: { tray: 2 },
    };
    expect(failed(failure)).toEqual({ error: { code: -32_050, message: "out of paper", data: { tray: 2 } } });
  });

  it("by cancellation is a tool error, with the reason where there is one", () => {
    const cancelled = (reason?: string) => toOutcome(service, ended({ status: "cancelled", reason }));
    expect(cancelled("too dear")).toMatchObject({
      result: { content: [text("The task was cancelled: too dear")], isError: true },
    });
    expect(cancelled()).toMatchObject({ result: { content: [text("The task was cancelled.")] } });
  });

  it("there is none of a task that goes on", () => {
    expect(() => toOutcome(service, ended({ status: "working" }))).toThrow(/has no outcome yet/);
  });
});
