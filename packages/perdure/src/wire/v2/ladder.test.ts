/**
 * The ladder of refusals: odd requests, sent to the SDK alone and to us. The answers are the same, but for the few
 * differences that are meant, each with its reason. So no check of the SDK's is missing in front of it, and an upgrade
 * that changes an answer is seen.
 */
import { expect, it } from "vitest";
import { ProtocolError } from "../../task/errors.ts";
import type { JsonObject } from "../../task/json.ts";
import { type RawRequest, type RawResponse, rpc, send, serveBySdkAlone, serveOurs } from "./http.fixture.ts";
import { envelope, revision, testService } from "./service.fixture.ts";

const get = rpc("tasks/get", { taskId: "0".repeat(30) });
const call = rpc("tools/call", { name: "quick" }, { tasks: false });

/** A request with some headers changed, or left out. */
function headers(request: RawRequest, changed: RawRequest["headers"]): RawRequest {
  return { ...request, headers: { ...request.headers, ...changed } };
}

function body(request: RawRequest, changed: Readonly<Record<string, unknown>>): RawRequest {
  return { ...request, body: { ...(request.body as object), ...changed } };
}

function params(request: RawRequest, changed: Readonly<Record<string, unknown>>): RawRequest {
  const { params: before } = request.body as { params: object };
  return body(request, { params: { ...before, ...changed } });
}

function meta(request: RawRequest, changed: JsonObject): RawRequest {
  return params(request, { _meta: { ...envelope(), ...changed } });
}

const capabilities = "io.modelcontextprotocol/clientCapabilities";
const version = "io.modelcontextprotocol/protocolVersion";

const same: Readonly<Record<string, RawRequest>> = {
  "a held call": call,
  "a held call with parameters of the generation before": params(call, { task: { ttl: 5 } }),
  "a held call of a client that takes only JSON": headers(call, { accept: "application/json" }),
  "a held call of a client that says nothing of what it takes": headers(call, { accept: undefined }),
  "a held call with a charset": headers(call, { "content-type": "application/json; charset=utf-8" }),

  "an ordinary tool": rpc("tools/call", { name: "greet" }),
  "an ordinary tool that fails": rpc("tools/call", { name: "fail" }),
  "a generated tool": rpc("tools/call", { name: "list_tasks" }),
  "a generated tool with arguments that do not fit": rpc("tools/call", {
    name: "list_tasks",
    arguments: { status: "asleep" },
  }),

  "no content type": headers(call, { "content-type": undefined }),
  "another content type": headers(call, { "content-type": "text/plain" }),
  "two content types": headers(call, { "content-type": "application/json, text/plain" }),

  "an empty batch": { ...call, body: [] },
  "a batch": { ...call, body: [call.body] },
  "a batch of two": { ...call, body: [call.body, get.body] },
  "a text": { ...call, body: '"tools/call"' },
  null: { ...call, body: "null" },
  "another JSON-RPC": body(call, { jsonrpc: "1.0" }),
  "no JSON-RPC": body(call, { jsonrpc: undefined }),
  "a field that does not belong": body(call, { extra: true }),
  "an id that is null": body(call, { id: null }),
  "an id that is an object": body(call, { id: {} }),
  "an id that is a fraction": body(call, { id: 1.5 }),
  "an id beyond what a number holds": {
    ...call,
    body: JSON.stringify(call.body).replace('"id":1', '"id":1e300'),
  },
  "an empty id": body(call, { id: "" }),
  "no id: a notification": body(call, { id: undefined }),
  "a method that is a number": body(call, { method: 7 }),
  "no parameters": body(call, { params: undefined }),
  "parameters that are a list": body(call, { params: [] }),
  "a response": { ...call, body: { jsonrpc: "2.0", id: 1, result: {} } },
  "an error": { ...call, body: { jsonrpc: "2.0", id: 1, error: { code: 1, message: "x" } } },

  "no envelope": params(call, { _meta: undefined }),
  "an envelope that is a list": params(call, { _meta: [] }),
  "an envelope without capabilities": params(call, { _meta: { [version]: revision } }),
  "capabilities that are a list": meta(call, { [capabilities]: [] }),
  "capabilities that are null": meta(call, { [capabilities]: null }),
  "extensions that are a list": meta(call, { [capabilities]: { extensions: [] } }),
  "a client without a name": meta(call, { "io.modelcontextprotocol/clientInfo": {} }),
  "no client": params(call, { _meta: { [version]: revision, [capabilities]: {} } }),
  "a level that is none": meta(call, { "io.modelcontextprotocol/logLevel": "loud" }),
  "a progress token that is an object": meta(call, { progressToken: {} }),
  "a progress token that is a fraction": meta(call, { progressToken: 1.5 }),
  "a related task that is none": meta(call, { "io.modelcontextprotocol/related-task": 7 }),
  "a trace that is a number": meta(call, { traceparent: 7 }),
  "a version that is a number": meta(call, { [version]: 20_260_728 }),
  "a version to come": headers(meta(call, { [version]: "2027-01-01" }), {
    "mcp-protocol-version": "2027-01-01",
  }),
  "a version to come, in the envelope alone": meta(call, { [version]: "2027-01-01" }),
  "a version to come, in the header alone": headers(call, { "mcp-protocol-version": "2027-01-01" }),
  "a version that has gone, in the header alone": headers(call, { "mcp-protocol-version": "2025-11-25" }),

  "no version in the headers": headers(call, { "mcp-protocol-version": undefined }),
  "two versions in the headers": headers(call, { "mcp-protocol-version": [revision, revision] }),
  "no method in the headers": headers(call, { "mcp-method": undefined }),
  "another method in the headers": headers(call, { "mcp-method": "tools/list" }),
  "a method in capitals": headers(call, { "mcp-method": "TOOLS/CALL" }),
  "no name in the headers": headers(call, { "mcp-name": undefined }),
  "another name in the headers": headers(call, { "mcp-name": "slow" }),
  "an empty name in the headers": headers(call, { "mcp-name": "" }),
  "a name in capitals": headers(call, { "mcp-name": "QUICK" }),
  "a name between blanks": headers(call, { "mcp-name": " quick\t" }),
  "two names": headers(call, { "mcp-name": ["quick", "quick"] }),
  "a name in base64": headers(call, { "mcp-name": "=?base64?cXVpY2s=?=" }),
  "a name in base64 without its end": headers(call, { "mcp-name": "=?base64?cXVpY2s?=" }),
  "a name in base64 with a blank": headers(call, { "mcp-name": "=?base64?cXVp Y2s=?=" }),
  "a name in base64 for URLs": headers(call, { "mcp-name": "=?base64?_-8=?=" }),
  "a name in base64 that is no text": headers(call, { "mcp-name": "=?base64?/w==?=" }),
  "a name in base64 that is empty": headers(call, { "mcp-name": "=?base64??=" }),
  "the wrong name of a task": headers(get, { "mcp-name": "1".repeat(30) }),
  "no name of a task": headers(get, { "mcp-name": undefined }),

  "an unknown tool": rpc("tools/call", { name: "nothing" }),
  "a tool that every object has": rpc("tools/call", { name: "toString" }),
  "a tool that every object has, too": rpc("tools/call", { name: "__proto__" }),
  "no tool": rpc("tools/call", {}),
  "a tool whose name is a number": rpc("tools/call", { name: 7 }),
  "arguments that are a list": params(call, { arguments: [] }),
  "arguments that are null": params(call, { arguments: null }),
  "arguments that are text": params(call, { arguments: "x" }),
  "arguments that do not fit": params(rpc("tools/call", { name: "strict" }, { tasks: false }), {
    arguments: { count: "many" },
  }),
  "a state that is a number": params(call, { requestState: 7 }),

  "a method of the generation before: tasks/result": rpc("tasks/result", { taskId: "0" }),
  "a method of the generation before: tasks/list": rpc("tasks/list", {}),
  "an unknown method": rpc("tasks/forget", { taskId: "0" }),
  "a method that every object has": rpc("constructor", {}),
  "initialize, in an envelope": rpc("initialize", {}),
  "a listen for nothing": rpc("subscriptions/listen", {}),
  "a listen with a flag that is none": rpc("subscriptions/listen", {
    notifications: { toolsListChanged: 1 },
  }),
  "a listen for tasks with a flag that is none": rpc("subscriptions/listen", {
    notifications: { taskIds: [], toolsListChanged: 1 },
  }),
  "a listen for ids that are none": rpc("subscriptions/listen", { notifications: { taskIds: [7] } }),
  "a listen for no tasks": rpc("subscriptions/listen", { notifications: { taskIds: [] } }),
  "a listen for tasks that are unknown": rpc("subscriptions/listen", { notifications: { taskIds: ["0"] } }),
};

const missing = { error: { code: -32_021 } };

/** What the SDK cannot do: tasks, and an author's protocol errors. */
const different: Readonly<Record<string, { request: RawRequest; sdk: Expected; ours: Expected }>> = {
  "a call that declares the extension is a task": {
    request: rpc("tools/call", { name: "quick" }),
    sdk: { status: 200, message: { result: { resultType: "complete" } } },
    ours: { status: 200, message: { result: { resultType: "task" } } },
  },
  "answers that are none are no first call": {
    request: params(call, { inputResponses: [] }),
    sdk: { status: 200, message: { result: { resultType: "complete" } } },
    ours: { status: 200, message: { error: { code: -32_602 } } },
  },
  "an author's protocol error stays one": {
    request: rpc("tools/call", { name: "refuse" }),
    sdk: { status: 200, message: { result: { isError: true } } },
    ours: { status: 200, message: { error: { code: -32_050 } } },
  },
  "tasks/get is a method": {
    request: get,
    sdk: { status: 404, message: { error: { code: -32_601 } } },
    ours: { status: 200, message: { error: { code: -32_602 } } },
  },
  "tasks/get needs the extension": {
    request: rpc("tasks/get", { taskId: "0" }, { tasks: false }),
    sdk: { status: 404, message: { error: { code: -32_601 } } },
    ours: { status: 400, message: missing },
  },
  "tasks/get without an id is a method too": {
    request: rpc("tasks/get", {}),
    sdk: { status: 404, message: { error: { code: -32_601 } } },
    ours: { status: 200, message: { error: { code: -32_602 } } },
  },
  "tasks/cancel is a method": {
    request: rpc("tasks/cancel", { taskId: "0" }),
    sdk: { status: 404, message: { error: { code: -32_601 } } },
    ours: { status: 200, message: { error: { code: -32_602 } } },
  },
  "tasks/update is a method": {
    request: rpc("tasks/update", { taskId: "0", inputResponses: {} }),
    sdk: { status: 404, message: { error: { code: -32_601 } } },
    ours: { status: 200, message: { error: { code: -32_602 } } },
  },
  "a listen for tasks needs the extension": {
    request: rpc("subscriptions/listen", { notifications: { taskIds: ["0"] } }, { tasks: false }),
    sdk: { status: 200, message: { method: "notifications/subscriptions/acknowledged" } },
    ours: { status: 400, message: missing },
  },
};

interface Expected {
  readonly status: number;
  readonly message: object;
}

async function both(request: RawRequest): Promise<{ sdk: RawResponse; ours: RawResponse }> {
  const plainTools = {
    greet: () => ({ greeting: "hello" }),
    fail: () => {
      throw new Error("no such file");
    },
    refuse: () => {
      throw new ProtocolError(-32_050, "out of quota");
    },
  };
  const tasks = { quick: { handler: () => "done" }, strict: { handler: () => "done" } };
  const service = await testService(tasks, { plainTools });
  const [ours, sdk] = [await serveOurs(service), await serveBySdkAlone(service)];
  return { sdk: await send(sdk, request), ours: await send(ours, request) };
}

it.each(Object.entries(same))("%s: the same answer", async (_, request) => {
  const { sdk, ours } = await both(request);
  expect(ours).toEqual(sdk);
});

it.each(Object.entries(different))("%s", async (_, { request, sdk, ours }) => {
  const answers = await both(request);
  expect(answers.sdk).toMatchObject({ status: sdk.status });
  expect(answers.sdk.messages[0]).toMatchObject(sdk.message);
  expect(answers.ours).toMatchObject({ status: ours.status });
  expect(answers.ours.messages[0]).toMatchObject(ours.message);
});
