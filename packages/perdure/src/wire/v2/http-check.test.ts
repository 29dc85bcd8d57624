import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { JsonObject } from "../../task/json.ts";
import { createV2Front } from "./front.ts";
import { HttpCheck } from "./http-check.ts";
import { type RawRequest, rpc } from "./http.fixture.ts";
import { RequestCheck } from "./request-check.ts";
import { envelope, testService } from "./service.fixture.ts";

const tool = { handler: () => "done" };

function takes(check: HttpCheck, { method = "POST", headers, body }: RawRequest): boolean {
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  };
  return check.taken({ method, header }, body) !== undefined;
}

describe("a request over HTTP", () => {
  it("is taken, first and again", async () => {
    const service = await testService({ tool });
    const check = new HttpCheck(service, createV2Front(service));
    for (const _ of [1, 2, 3]) {
      expect(takes(check, rpc("tools/call", { name: "tool" }))).toBe(true);
      expect(takes(check, rpc("tasks/get", { taskId: "0" }))).toBe(true);
      expect(takes(check, rpc("subscriptions/listen", { notifications: { taskIds: [] } }))).toBe(true);
    }
  });

  it("is compared with its headers, also when its envelope is known", async () => {
    const service = await testService({ tool });
    const check = new HttpCheck(service, createV2Front(service));
    const good = rpc("tools/call", { name: "tool" });
    expect(takes(check, good)).toBe(true);
    const changes: RawRequest["headers"][] = [
      { "mcp-protocol-version": "2025-11-25" },
      { "mcp-protocol-version": undefined },
      { "mcp-method": "tasks/get" },
      { "mcp-method": undefined },
      { "mcp-name": "loot" },
      { "mcp-name": undefined },
      { "content-type": "text/plain" },
    ];
    const taken = changes.filter((changed) =>
      takes(check, { ...good, headers: { ...good.headers, ...changed } }),
    );
    expect(taken).toEqual([]);
    expect(takes(check, { ...good, method: "PUT" })).toBe(false);
  });

  it("may name in base64 what no header can hold", async () => {
    const service = await testService({ tool });
    const check = new HttpCheck(service, createV2Front(service));
    const request = rpc("tasks/get", { taskId: "tâche" });
    const named = (name: string): RawRequest => ({
      ...request,
      headers: { ...request.headers, "mcp-name": name },
    });
    expect(takes(check, named(`=?base64?${Buffer.from("tâche").toString("base64")}?=`))).toBe(true);
    expect(takes(check, named(`=?base64?${Buffer.from("tache").toString("base64")}?=`))).toBe(false);
  });
});

describe("arguments that are repeated in headers", () => {
  const input = z.object({
    region: z.string().meta({ "x-mcp-header": "Region" }).optional(),
    size: z.object({ count: z.number().meta({ "x-mcp-header": "Count" }).optional() }).optional(),
  });

  it.each<[string, JsonObject, Record<string, string>, boolean]>([
    ["no argument", {}, {}, true],
    ["no argument, and a header", {}, { "mcp-param-region": "eu" }, true],
    ["the same", { region: "eu" }, { "mcp-param-region": "eu" }, true],
    ["the same in base64", { region: "eu" }, { "mcp-param-region": "=?base64?ZXU=?=" }, true],
    ["another", { region: "eu" }, { "mcp-param-region": "us" }, false],
    ["no header", { region: "eu" }, {}, false],
    ["the same number, written otherwise", { size: { count: 42 } }, { "mcp-param-count": "42.0" }, true],
    ["another number", { size: { count: 42 } }, { "mcp-param-count": "43" }, false],
  ])("%s", async (_, args, headers, expected) => {
    const service = await testService({ tool: { ...tool, options: { input } } });
    const check = new HttpCheck(service, createV2Front(service));
    const request = rpc("tools/call", { name: "tool", arguments: args });
    expect(takes(check, { ...request, headers: { ...request.headers, ...headers } })).toBe(expected);
  });
});

describe("the envelopes that are remembered", () => {
  const front = { takes: () => true };
  const message = (_meta: JsonObject) => ({ jsonrpc: "2.0", id: 1, method: "tasks/get", params: { _meta } });

  it("do not make one right that is not", () => {
    const check = new RequestCheck(front);
    for (let i = 0; i < 3; i++) {
      expect(check.taken(message(envelope({ progressToken: i })))).toBeDefined();
      expect(check.taken(message(envelope({ progressToken: 0.5 })))).toBeUndefined();
      expect(check.taken(message(envelope({ progressToken: {} })))).toBeUndefined();
      expect(check.taken(message(envelope({ "io.modelcontextprotocol/logLevel": "loud" })))).toBeUndefined();
      expect(check.taken(message({}))).toBeUndefined();
    }
  });

  it("may be more than are remembered, and longer", () => {
    const check = new RequestCheck(front);
    for (let i = 0; i < 1_000; i++) {
      const client = { "io.modelcontextprotocol/clientInfo": { name: `client ${i % 997}`, version: "1" } };
      expect(check.taken(message({ ...envelope(), ...client }))).toBeDefined();
    }
    const long = { "io.modelcontextprotocol/clientInfo": { name: "x".repeat(10_000), version: "1" } };
    expect(check.taken(message({ ...envelope(), ...long }))).toBeDefined();
  });
});
