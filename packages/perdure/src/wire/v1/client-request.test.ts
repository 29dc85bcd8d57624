import { describe, expect, it } from "vitest";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import type { Question } from "../../task/record.ts";
import type { V1Session } from "./client.ts";
import { asClientResponse, canBeAsked, toAnswer, toClientRequest } from "./client-request.ts";
import { session } from "./service.fixture.ts";

const taskId = "0abc" as TaskId;
const form: Question = { key: "q4", message: "Sure?", mode: "form", schema: { type: "object" } };
const url: Question = { key: "q5", message: "Pay.", mode: "url", url: "https://pay.example" };
const sample: Question = {
  key: "q6",
  message: "",
  mode: "sample",
  request: { messages: [], maxTokens: 10 },
};

function declaring(capabilities: JsonObject, more: Partial<V1Session> = {}): V1Session {
  return { ...session, askedAs: "c", capabilities, ...more };
}

function methods(capabilities: JsonObject): (string | undefined)[] {
  return [form, url, sample].map(
    (question) => toClientRequest(taskId, question, declaring(capabilities))?.method,
  );
}

describe("a question", () => {
  const [elicits, samples] = ["elicitation/create", "sampling/createMessage"];
  it.each<[JsonObject, (string | undefined)[]]>([
    [{}, [undefined, undefined, undefined]],
    [{ elicitation: {} }, [elicits, undefined, undefined]],
    [{ elicitation: { form: {} } }, [elicits, undefined, undefined]],
    [{ elicitation: { url: {} } }, [undefined, elicits, undefined]],
    [{ elicitation: { form: {}, url: {} } }, [elicits, elicits, undefined]],
    [{ sampling: {} }, [undefined, undefined, samples]],
  ])("is put only as the client declared: %j", (capabilities, expected) => {
    expect(methods(capabilities)).toEqual(expected);
    expect(canBeAsked(declaring(capabilities))).toBe(expected.some((method) => method !== undefined));
  });

  it("is put to nobody without a name", () => {
    expect(canBeAsked(declaring({ elicitation: {} }, { askedAs: undefined }))).toBe(false);
  });

  it("names its task to clients that know tasks", () => {
    const related = { _meta: { "io.modelcontextprotocol/related-task": { taskId } } };
    const asked = { message: "Sure?", requestedSchema: { type: "object" } };
    const { id, params } = toClientRequest(taskId, form, declaring({ elicitation: {} })) ?? {};
    expect(id).toBe("ask.0abc.q4");
    expect(params).toEqual({ ...related, ...asked });
    const earlier = declaring({ elicitation: {} }, { protocolVersion: "2025-06-18" });
    expect(toClientRequest(taskId, form, earlier)?.params).toEqual(asked);
  });
});

describe("an answer", () => {
  it("is ours by its id", () => {
    const ours = { jsonrpc: "2.0", id: "ask.0abc.q4", result: { action: "decline" } };
    expect(asClientResponse(ours)).toMatchObject({ taskId, key: "q4", result: { action: "decline" } });
    for (const id of [4, "ask", "ask.a", "ask.a.b.c", "ask.a-b.c", null]) {
      expect(asClientResponse({ ...ours, id })).toBeUndefined();
    }
    expect(asClientResponse({ ...ours, method: "ping" })).toBeUndefined();
    expect(asClientResponse([ours])).toBeUndefined();
  });

  it("of a model is what it said; who refuses declines", () => {
    const result = { role: "assistant", content: { type: "text", text: "hi" }, model: "m", _meta: {} };
    const { _meta: _, ...content } = result;
    expect(toAnswer(sample, { result, errorCode: undefined })).toEqual({ action: "accept", content });
    expect(toAnswer(sample, { result: undefined, errorCode: -1 })).toMatchObject({ action: "decline" });
    expect(toAnswer(sample, { result: undefined, errorCode: -32_601 })).toBeUndefined();
  });

  it("of a person is an action", () => {
    expect(toAnswer(form, { result: { action: "cancel" }, errorCode: undefined })).toMatchObject({
      action: "cancel",
    });
    expect(toAnswer(form, { result: undefined, errorCode: -1 })).toBeUndefined();
  });
});
