import { describe, expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { answerOf, post, serve } from "./http.fixture.ts";
import { testService } from "./service.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const tools = {
  quick: { handler: () => "done" },
  slow: { handler: () => sleep(600, "done") },
};
const text = (words: string) => [{ type: "text", text: words }];

/** Two processes over one record. */
async function two() {
  const store = temporaryStore();
  return [await testService(tools, { store }), await testService(tools, { store })];
}

const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "by hand", version: "1" },
  },
};
const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

describe("a session", () => {
  it("begins with initialize, which is answered by the SDK", async () => {
    const service = await testService(tools);
    const { url } = await serve(service);
    const response = await post(url, initialize);
    const id = response.headers.get("mcp-session-id") ?? "";
    expect(id).toMatch(/^[\w-]{16,}$/);
    expect(await answerOf(response)).toMatchObject({
      result: { protocolVersion: "2025-11-25", capabilities: { tasks: { list: {}, cancel: {} } } },
    });
    expect(await service.runtime.store.sessions.get({ id, owner: "local" })).toMatchObject({
      protocolVersion: "2025-11-25",
      clientInfo: { name: "by hand", version: "1" },
    });
  });

  it.each(["made-by-a-platform", "session@@@memory@@@actor", "7e0ad0b9-22a2-4c57-a5b5-0a3f3a5c5c4e"])(
    "that was never seen is taken as it is: %s",
    async (id) => {
      const { url } = await serve(await testService(tools));
      const headers = { "mcp-session-id": id };
      const call = { ...ping, method: "tools/call", params: { name: "quick" } };
      expect(await answerOf(await post(url, call, headers))).toMatchObject({
        result: { content: text("done") },
      });
      expect(await answerOf(await post(url, ping, headers))).toMatchObject({ result: {} });
      const begun = await post(url, initialize, headers);
      expect(begun.headers.get("mcp-session-id")).toBe(id);
    },
  );

  it.each(["known", "adopted"])("that was ended stays ended, at every process: %s", async (kind) => {
    const { url } = await serve(...(await two()));
    const id = kind === "adopted" ? "a" : ((await post(url, initialize)).headers.get("mcp-session-id") ?? "");
    const headers = { "mcp-session-id": id };
    expect((await fetch(url, { method: "DELETE", headers })).status).toBe(200);
    for (let turn = 0; turn < 2; turn++) {
      const refused = await post(url, ping, headers);
      expect(refused.status).toBe(404);
      expect(await refused.json()).toMatchObject({ error: { code: -32_001 } });
      expect((await fetch(url, { method: "DELETE", headers })).status).toBe(404);
      const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
      expect(stream.status).toBe(404);
    }
    const again = await post(url, initialize, headers);
    expect(again.status).toBe(200);
    expect(again.headers.get("mcp-session-id")).not.toBe(id);
  });

  it("ends its stream with it", async () => {
    const { url } = await serve(await testService(tools));
    const headers = { "mcp-session-id": "a" };
    const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
    expect(stream.status).toBe(200);
    await fetch(url, { method: "DELETE", headers });
    expect(await stream.text()).toContain(":");
  });

  it("is not needed by a client that has none", async () => {
    const { url } = await serve(await testService(tools));
    const call = { ...ping, method: "tools/call", params: { name: "quick" } };
    expect(await answerOf(await post(url, call))).toMatchObject({ result: { content: text("done") } });
    expect((await fetch(url, { headers: { accept: "text/event-stream" } })).status).toBe(405);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(400);
  });

  it.each(["a b", "ü", "x".repeat(600)])("cannot be called %j", async (id) => {
    const { url } = await serve(await testService(tools));
    expect((await post(url, ping, { "mcp-session-id": id })).status).toBe(400);
  });
});

describe("what is not ours or not perfect", () => {
  const call = { ...ping, method: "tools/call", params: { name: "quick" } };
  it.each<[string, Record<string, string>, number]>([
    ["that accepts no streams", { accept: "application/json" }, 406],
    ["of a version that nobody speaks", { "mcp-protocol-version": "2024-01-01" }, 400],
    ["that is no JSON", { "content-type": "text/plain" }, 415],
  ])("a request %s is refused by the SDK", async (_, headers, status) => {
    const { url } = await serve(await testService(tools));
    expect((await post(url, call, headers)).status).toBe(status);
  });

  it("an unknown tool is refused by the SDK", async () => {
    const { url } = await serve(await testService(tools));
    const answer = await answerOf(await post(url, { ...call, params: { name: "nothing" } }));
    expect(JSON.stringify(answer)).toContain("nothing");
  });

  it("a batch with a durable tool is answered by the SDK's server", async () => {
    const { url } = await serve(await testService(tools));
    const answer = await answerOf(await post(url, [call], { "mcp-protocol-version": "2025-03-26" }));
    expect(answer).toMatchObject({ result: { content: text("done") } });
  });
});

describe("resumption by hand", () => {
  it("answers with the original id, at another process", async () => {
    const { url } = await serve(...(await two()));
    const headers = { "mcp-session-id": "a", "mcp-protocol-version": "2025-11-25" };
    const call = {
      ...ping,
      id: "öne.two",
      method: "tools/call",
      params: { name: "slow", arguments: { ms: 600 } },
    };
    const cut = new AbortController();
    const first = await fetch(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify(call),
      signal: cut.signal,
    });
    const reader = first.body?.getReader();
    const firstChunk = (await reader?.read()) as { readonly value: Uint8Array } | undefined;
    const eventId = /^id: (.*)$/m.exec(new TextDecoder().decode(firstChunk?.value))?.[1] ?? "";
    cut.abort();
    const resumed = await fetch(url, {
      headers: { ...headers, accept: "text/event-stream", "last-event-id": eventId },
    });
    expect(await answerOf(resumed)).toMatchObject({ id: "öne.two", result: { content: text("done") } });
  });

  it("of what was answered ends the matter", async () => {
    const { url } = await serve(await testService(tools));
    const headers = { "mcp-session-id": "a", accept: "text/event-stream", "last-event-id": "end" };
    expect((await fetch(url, { headers })).status).toBe(405);
  });

  it("under an id that was made elsewhere is a stream like any other", async () => {
    const { url } = await serve(await testService(tools));
    const stop = new AbortController();
    const headers = { "mcp-session-id": "a", accept: "text/event-stream", "last-event-id": "17_42" };
    expect((await fetch(url, { headers, signal: stop.signal })).status).toBe(200);
    stop.abort();
  });
});
