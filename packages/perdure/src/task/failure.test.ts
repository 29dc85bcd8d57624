import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExecError, PerdureError, ProtocolError, TerminalError } from "./errors.ts";
import { boundedFailure, type Failure, fromFailure, toFailure } from "./failure.ts";
import type { JsonValue } from "./json.ts";

/** As the record keeps it. */
const kept = (failure: Failure): Failure => JSON.parse(JSON.stringify(failure)) as Failure;
const final = (code: string): object => ({ code, retryable: false });
const stranger = (prototype: object, property: string): object =>
  Object.defineProperty(Object.create(prototype) as object, property, {
    get() {
      throw new Error("not for you");
    },
  });

const execError = new ExecError("ffmpeg", {
  exitCode: 3,
  signal: null,
  stdout: "frame",
  stderr: "no such codec",
});

describe("a failure", () => {
  it.each([
    ["an Error", new RangeError("too far"), { code: "HANDLER_ERROR", name: "RangeError", retryable: true }],
    ["a TerminalError", new TerminalError("no"), { code: "HANDLER_ERROR", retryable: false }],
    ["a ProtocolError", new ProtocolError(-32_602, "no"), { code: "PROTOCOL_ERROR", jsonRpcCode: -32_602 }],
    ["invalid input", new PerdureError("INVALID_INPUT", { message: "no" }), { code: "INVALID_INPUT" }],
    ["a time-out", new PerdureError("TIMEOUT", { message: "no" }), { code: "TIMEOUT", retryable: true }],
    ["a deadline", new PerdureError("DEADLINE", { message: "no" }), { code: "DEADLINE", retryable: false }],
    ["an option", new PerdureError("INVALID_OPTION", { message: "no" }), final("INVALID_OPTION")],
    ["an unknown tool", new PerdureError("UNKNOWN_TOOL", { message: "no" }), final("UNKNOWN_TOOL")],
    ["a cycle of calls", new PerdureError("CALL_CYCLE", { message: "no" }), final("CALL_CYCLE")],
    ["a store's error", new PerdureError("STORE_FULL", { message: "no" }), { code: "HANDLER_ERROR" }],
    ["a text", "no", { name: "Error", message: "no", retryable: true }],
    ["an object", { status: 503 }, { message: '{"status":503}' }],
    ["a number", 7, { message: "7" }],
    ["a bigint", 7n, { message: "7" }],
    ["nothing", undefined, { message: "undefined" }],
    ["null", null, { message: "null" }],
    ["a symbol", Symbol("why"), { message: "Symbol(why)" }],
  ])("is made of %s", (_, thrown, expected) => {
    expect(toFailure(thrown)).toMatchObject(expected);
  });

  it("holds neither the stack nor the cause", () => {
    const thrown = new Error("outside", { cause: new Error("inside") });
    const text = JSON.stringify(toFailure(thrown));
    expect(text).not.toContain("inside");
    expect(text).not.toContain("failure.test");
  });

  it("is read, thrown and recorded again as the same", () => {
    const errors = fc.oneof(
      fc.string().map((message) => new Error(message)),
      fc.string().map((message) => Object.assign(new Error(message), { name: message })),
      fc
        .tuple(fc.string(), fc.jsonValue())
        .map(([m, data]) => new TerminalError(m, { data: data as JsonValue })),
      fc.tuple(fc.integer(), fc.string()).map(([code, message]) => new ProtocolError(code, message)),
      fc.string().map((message) => new PerdureError("STEP_TIMEOUT", { message })),
      fc.anything(),
    );
    fc.assert(
      fc.property(errors, (thrown) => {
        const failure = kept(toFailure(thrown));
        const revived = fromFailure(failure);
        expect(revived).toBeInstanceOf(Error);
        expect(toFailure(revived)).toEqual(failure);
        expect(revived.message).toBe(failure.message);
      }),
    );
  });

  it.each([
    ["TerminalError", TerminalError, new TerminalError("no", { data: { part: 3 } })],
    ["ProtocolError", ProtocolError, new ProtocolError(-32_000, "no", { data: [1] })],
    ["PerdureError", PerdureError, new PerdureError("STEP_TIMEOUT", { message: "no" })],
    ["of a limit", PerdureError, new PerdureError("LIMIT_EXCEEDED", { message: "no", retryable: true })],
    ["of a call", PerdureError, new PerdureError("UNKNOWN_TOOL", { message: "no" })],
    ["of a program", ExecError, execError],
  ])("is thrown again under its class: %s", (_, type, thrown) => {
    const again = fromFailure(kept(toFailure(thrown)));
    expect(again).toBeInstanceOf(type);
    expect(again).toEqual(thrown);
  });
});

describe("what a failure says of a program whose output is too long", () => {
  const leftOut = expect.stringMatching(/^left out: .* bytes; limits.failureBytes allows 20\.$/) as string;

  it("is how it ended, without the output, in every run", () => {
    const once = boundedFailure(toFailure(execError), 20);
    expect(once.data).toEqual({ exitCode: 3, signal: null, stdout: leftOut, stderr: leftOut });
    const again = fromFailure(kept(once));
    expect(again).toMatchObject({ exitCode: 3, signal: null, stdout: leftOut, stderr: leftOut });
    expect(boundedFailure(toFailure(again), 20)).toEqual(once);
  });

  it.each([undefined, "left out: 70,000 bytes."])(
    "is nothing where its data are %j, but in its place",
    (data) => {
      const { data: _, ...bare } = toFailure(execError);
      const failure = data === undefined ? bare : { ...bare, data };
      expect(fromFailure(failure)).toMatchObject({ exitCode: null, signal: null, stdout: "", stderr: "" });
    },
  );
});

describe("whatever is thrown, a failure is recorded", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const messages = [undefined, null, 7, { toString: 1 }, "m".repeat(10_000_000)];

  it.each<[string, unknown]>([
    ["an error whose name throws", stranger(new Error("x"), "name")],
    ["an error whose message throws", stranger(new Error("x"), "message")],
    ["a TerminalError whose data throws", stranger(new TerminalError("x"), "data")],
    ["a revoked proxy", revoked.proxy],
    ["a function", () => 1],
    ["an object whose toJSON throws", { toJSON: () => Promise.reject.call(null) }],
    ["an object whose toJSON says nothing", { toJSON: () => undefined }],
    ["an object without a prototype", Object.create(null)],
    ["an object whose tag throws", stranger({ toJSON: () => 1n }, Symbol.toStringTag as unknown as string)],
    ...messages.map((message): [string, unknown] => [
      `an error whose message is of type ${message === null ? "null" : typeof message}`,
      Object.assign(new Error("x"), { message }),
    ]),
    ["an error whose name is a symbol", Object.assign(new Error("x"), { name: Symbol("n") })],
    ["a ProtocolError whose code is no number", new ProtocolError(Number.NaN, "x")],
  ])("of %s", (_, thrown) => {
    const failure = toFailure(thrown);
    expect(failure).toMatchObject({
      code: expect.stringMatching(/^[A-Z_]+$/) as string,
      name: expect.any(String) as string,
      message: expect.any(String) as string,
      retryable: expect.any(Boolean) as boolean,
    });
    expect(failure.message.length).toBeLessThanOrEqual(8_192);
    expect(failure.name.length).toBeLessThanOrEqual(128);
    expect(kept(failure)).toEqual(failure);
  });

  it("of a TerminalError whose data is no JSON: without the data", () => {
    const data = { when: new Date() } as unknown as JsonValue;
    const failure = toFailure(new TerminalError("out of stock", { data }));
    expect(failure).toMatchObject({ code: "HANDLER_ERROR", message: "out of stock", retryable: false });
    expect(failure).not.toHaveProperty("data");
  });

  it("of a ProtocolError whose data is no JSON: without the data", () => {
    const failure = toFailure(new ProtocolError(-32_000, "no", { data: 1n as unknown as JsonValue }));
    expect(failure).toMatchObject({ code: "PROTOCOL_ERROR", jsonRpcCode: -32_000, message: "no" });
    expect(failure).not.toHaveProperty("data");
  });

  it("with a message that is cut between characters, not within one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8_180, max: 8_200 }), (length) => {
        const { message } = toFailure(new Error("a".repeat(length) + "😀".repeat(20)));
        expect(message.isWellFormed()).toBe(true);
        expect(message.length).toBeLessThanOrEqual(8_192);
      }),
    );
  });
});
