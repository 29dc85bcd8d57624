/**
 * The seams to the official SDK that this generation stands on. The SDK is pinned exactly; when an upgrade moves one
 * of them, this says which, before a client does.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as sdk from "@modelcontextprotocol/server";
import { expect, it } from "vitest";
import { createSdkServer } from "../sdk-server.ts";
import { revision, tasksExtension } from "./envelope.ts";
import { envelope, testService } from "./service.fixture.ts";

const nobody = { owner: "local", session: undefined, clientName: undefined, headers: {} };

function classify(params: object, headers: Partial<sdk.InboundHttpRequest> = {}) {
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
  return sdk.classifyInboundRequest({ httpMethod: "POST", body, ...headers });
}

it("is the version that was tried", () => {
  const file = createRequire(import.meta.url).resolve("@modelcontextprotocol/server");
  const manifest = readFileSync(`${file.slice(0, file.indexOf("/dist/"))}/package.json`, "utf8");
  expect(JSON.parse(manifest)).toMatchObject({ version: "2.4.0" });
});

it("has the keys of the envelope where the protocol has them", () => {
  expect([
    sdk.PROTOCOL_VERSION_META_KEY,
    sdk.CLIENT_INFO_META_KEY,
    sdk.CLIENT_CAPABILITIES_META_KEY,
    sdk.SERVER_INFO_META_KEY,
    sdk.SUBSCRIPTION_ID_META_KEY,
  ]).toEqual(
    ["protocolVersion", "clientInfo", "clientCapabilities", "serverInfo", "subscriptionId"].map(
      (key) => `io.modelcontextprotocol/${key}`,
    ),
  );
});

it("classifies a request of this generation by its envelope alone", () => {
  expect(classify({ _meta: envelope() })).toMatchObject({
    kind: "modern",
    messageKind: "request",
    classification: { era: "modern", revision },
  });
});

it("does not look at what is not in an envelope: it may be remembered without", () => {
  const changing = { progressToken: "a", traceparent: "b", tracestate: "c" };
  expect(classify({ _meta: envelope(changing), anything: [] })).toMatchObject({ kind: "modern" });
});

it("refuses an envelope that is not right", () => {
  const broken = { ...envelope(), "io.modelcontextprotocol/clientCapabilities": 7 };
  expect(classify({ _meta: broken })).toMatchObject({ kind: "reject", httpStatus: 400, code: -32_602 });
});

it("calls a request without an envelope one of 2025", () => {
  expect(classify({})).toMatchObject({ kind: "legacy" });
});

it("calls every later revision modern: which one, is for us to compare", () => {
  const later = { ...envelope(), [sdk.PROTOCOL_VERSION_META_KEY]: "2027-01-01" };
  expect(classify({ _meta: later })).toMatchObject({
    kind: "modern",
    classification: { revision: "2027-01-01" },
  });
});

it("does not look for headers that are missing: that is for us", () => {
  expect(classify({ _meta: envelope() }, {})).toMatchObject({ kind: "modern" });
});

it("advertises the extension, and not the tasks of the generation before", async () => {
  const server = createSdkServer(await testService({}), { generation: "2026", callerOf: () => nobody });
  const { extensions, tasks } = server.server.getCapabilities() as Record<string, unknown>;
  expect(extensions).toEqual({ [tasksExtension]: {} });
  expect(tasks).toBeUndefined();
});

it("drops the ids of tasks from a listen, so that it must not be given one", async () => {
  const service = await testService({});
  const handler = sdk.createMcpHandler(() =>
    createSdkServer(service, { generation: "2026", callerOf: () => nobody }),
  );
  const params = { notifications: { taskIds: ["0"] }, _meta: envelope({ tasks: true }) };
  const response = await handler.fetch(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "mcp-protocol-version": revision,
        "mcp-method": "subscriptions/listen",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params }),
    }),
  );
  expect(await response.text()).not.toContain("taskIds");
  await handler.close();
});
