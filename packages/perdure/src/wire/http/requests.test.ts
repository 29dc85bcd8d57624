import { describe, expect, it } from "vitest";
import {
  eventually,
  goesOn,
  headersOf,
  answerOf,
  ask,
  call,
  http,
  httpPost,
  message,
  RawClient,
  run,
} from "./http.fixture.ts";

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const limits = { maxBodyBytes: 10_000, maxNesting: 20 };
const echo = message("tools/call", { name: "echo", arguments: { text: "x" } });

/** Nothing of the inside, whatever was asked. */
function expectNoInside(text: string): void {
  expect(text).not.toMatch(/\.ts\b|\.js\b|node_modules|\bat [\w.]+ \(|file:\/\/|TypeError|RangeError/);
}

describe("a body that is not what it should be", () => {
  it.each([
    ["nothing", "", 400, -32_700],
    ["no JSON", "{", 400, -32_700],
    ["nothing but a byte order mark", "\uFEFF", 400, -32_700],
    ["a binary body", "\x1f\x8b\x08\x00\x00", 400, -32_700],
    ["null", "null", 400, -32_600],
    ["a number", "7", 400, -32_600],
    ["a string", '"tools/call"', 400, -32_600],
    ["an empty object", "{}", 400, -32_600],
    ["an empty batch", "[]", 400, -32_600],
    ["a batch of nonsense", "[1,2,3]", 400, -32_600],
    ["a batch of 2026-07-28", JSON.stringify([echo, echo]), 400, -32_600],
    ["a method that is no string", '{"jsonrpc":"2.0","id":1,"method":7}', 400, -32_600],
    ["another JSON-RPC", '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32_600],
    ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32_600],
    ["params that are an array", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1]}', 400, -32_600],
  ])("%s", async (_, body, status, code) => {
    const { url } = await run();
    const answer = await answerOf(await fetch(url, { method: "POST", headers: json, body }));
    expect([answer.status, answer.message.error?.code]).toEqual([status, code]);
    expectNoInside(answer.text);
    expect(await goesOn(url)).toBe(true);
  });

  it("has a type that is not JSON", async () => {
    const { url } = await run();
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonp",
      "multipart/form-data",
    ]) {
      const headers = { ...headersOf(echo), "content-type": type };
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(echo) });
      expect(response.status).toBe(415);
    }
    const headers = { ...headersOf(echo), "content-type": "Application/JSON; charset=utf-8" };
    expect((await fetch(url, { method: "POST", headers, body: JSON.stringify(echo) })).status).toBe(200);
  });

  it("nests too deep", async () => {
    const { url } = await run({ listen: limits });
    for (const depth of [21, 4_000]) {
      const body = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      const answer = await answerOf(await fetch(url, { method: "POST", headers: json, body }));
      expect(answer.status).toBe(400);
      expect(answer.text).toContain("nests deeper than 20 levels");
    }
    const brackets = { text: "[".repeat(500) + '\\"{{' };
    expect((await call(url, "echo", brackets)).message.result?.structuredContent).toEqual(brackets);
  });

  it("is a notification, or an answer that nobody waits for", async () => {
    const { url } = await run();
    for (const body of [
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", id: 7, result: {} },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 99 } },
    ]) {
      const response = await fetch(url, { method: "POST", headers: json, body: JSON.stringify(body) });
      expect(response.status).toBe(202);
      expect(await response.text()).toBe("");
    }
  });

  it("is a batch of 2025: each is answered, and a hundred are the most", async () => {
    const { url } = await run();
    const ping = (id: number) => ({ jsonrpc: "2.0", id, method: "ping" });
    const two = await fetch(url, { method: "POST", headers: json, body: JSON.stringify([ping(1), ping(2)]) });
    expect(two.status).toBe(200);
    expect(await two.text()).toMatch(/"id":1[\s\S]*"id":2|"id":2[\s\S]*"id":1/);
    const many = JSON.stringify(Array.from({ length: 101 }, (_, id) => ping(id)));
    expect((await fetch(url, { method: "POST", headers: json, body: many })).status).toBeGreaterThanOrEqual(
      400,
    );
    expect(await goesOn(url)).toBe(true);
  });
});

describe("a body that is too long", () => {
  it("is answered 413, said to be long or not, and the connection goes on", async () => {
    const { url, port } = await run({ listen: limits });
    const long = "x".repeat(10_001);
    expect((await fetch(url, { method: "POST", headers: json, body: long })).status).toBe(413);
    const client = new RawClient(port);
    client.send(http("POST", { ...json, "content-length": "20000" }, "y".repeat(20_000)));
    await client.until(/413 Payload Too Large[\s\S]*longer than 10000 bytes/);
    client.send(http("POST", { ...json, "transfer-encoding": "chunked" }));
    for (let chunk = 0; chunk < 5; chunk++) client.send(`1000\r\n${"z".repeat(4_096)}\r\n`);
    client.send("0\r\n\r\n");
    await client.until(/413[\s\S]*413/);
    client.send(httpPost(echo));
    await client.until(/HTTP\/1.1 200 OK[\s\S]*"text":"x"/);
  });

  it("of 10 MB is, too; fitting bodies are served", async () => {
    const { url } = await run();
    const answer = await call(url, "echo", { text: "x".repeat(10_000_000) });
    expect(answer.status).toBe(413);
    expect(await goesOn(url)).toBe(true);
    const fits = await call(url, "echo", { text: "x".repeat(4_000_000) });
    expect(fits.status).toBe(200);
  });

  it("is answered before its end: who says that much need not send it", async () => {
    const { port } = await run({ listen: limits });
    const client = new RawClient(port).send(http("POST", { ...json, "content-length": "99999999999" }));
    expect(await client.until(/\r\n\r\n\{/)).toMatch(/413/);
  });
});

describe("a request that is slow, broken, or left", () => {
  it("has a limited time to arrive", async () => {
    const { port, url } = await run({ requestTimeoutMs: 600 });
    const clients = [
      "",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\n",
      http("POST", { ...json, "content-length": "50" }, "{"),
    ];
    for (const said of clients) await new RawClient(port).send(said).closed;
    expect(await goesOn(url)).toBe(true);
  });

  it("may be left in the middle of its body, and nobody is alarmed", async () => {
    const { port, url, logged } = await run();
    for (let client = 0; client < 20; client++) {
      const raw = new RawClient(port).send(http("POST", { ...json, "content-length": "500" }, '{"jsonrpc":'));
      await new Promise((resolve) => raw.socket.once("connect", resolve));
      setTimeout(() => raw.socket.resetAndDestroy(), 20);
      await raw.closed;
    }
    expect(await goesOn(url)).toBe(true);
    expect(logged.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([]);
  });

  it.each([
    ["no HTTP", "hello\r\n\r\n", /400 Bad Request/],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /400 Bad Request/],
    ["no Host", "POST /mcp HTTP/1.1\r\n\r\n", /400 Bad Request/],
    ["HTTP/1.0 without a Host", "GET /mcp HTTP/1.0\r\n\r\n", /403 Forbidden/],
    ["long headers", http("GET", { "x-long": "x".repeat(20_000) }), /431 Request Header Fields Too Large/],
    [
      "two lengths",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      /400/,
    ],
    [
      "a length and chunks (request smuggling)",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      /400 Bad Request/,
    ],
    ["a chunk that is none", http("POST", { ...json, "transfer-encoding": "chunked" }, "zz\r\n"), /400/],
    [
      "an expectation",
      http("POST", { ...json, expect: "200-ok", "content-length": "0" }),
      /417 Expectation Failed/,
    ],
    ["CONNECT", "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n", /^$/],
    ["an upgrade", http("GET", { connection: "upgrade", upgrade: "websocket" }), /HTTP\/1.1 4\d\d/],
  ])("is %s", async (_, text, expected) => {
    const { port, url } = await run();
    const client = new RawClient(port).send(text);
    if (expected.source === "^$") await client.closed;
    expectNoInside(await client.until(expected));
    expect(await goesOn(url)).toBe(true);
  });
});

describe("methods and paths", () => {
  it.each(["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])("%s is not allowed", async (method) => {
    const { port, url } = await run();
    const client = new RawClient(port).send(http(method, {}));
    expect(await client.until(/\r\n\r\n/)).toMatch(/405 Method Not Allowed[\s\S]*allow: GET, POST, DELETE/i);
    expect(await goesOn(url)).toBe(true);
  });

  it.each([
    "/",
    "/mcp/",
    "/MCP",
    "/mcp/x",
    "//mcp",
    "/.well-known/oauth-protected-resource",
    "*",
    "http://localhost/mcp",
  ])("%s is not found", async (path) => {
    const { port } = await run();
    const client = new RawClient(port).send(http("POST", { ...json, "content-length": "2" }, "{}", path));
    expect(await client.until(/the endpoint is \/mcp/)).toMatch(/404 Not Found/);
  });

  it("the path is the author's, and a query does not matter", async () => {
    const { url } = await run({ listen: { path: "/tools/mcp" } });
    expect(url).toMatch(/\/tools\/mcp$/);
    expect(await goesOn(`${url}?key=value`)).toBe(true);
  });

  it("GET and DELETE of 2025 without a session are refused", async () => {
    const { url } = await run();
    expect((await fetch(url, { headers: { accept: "text/event-stream" } })).status).toBe(405);
    expect((await fetch(url)).status).toBe(406);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(400);
  });
});

describe("headers and versions of 2026-07-28", () => {
  it.each([
    ["mcp-method", undefined],
    ["mcp-method", "tools/list"],
    ["mcp-name", undefined],
    ["mcp-name", "whoami"],
    ["mcp-name", "=?base64?not base64?="],
    ["mcp-protocol-version", undefined],
    ["mcp-protocol-version", "2025-11-25"],
    ["mcp-protocol-version", "1900-01-01"],
  ])("%s: %s is refused", async (name, value) => {
    const { url, app } = await run();
    const { [name]: _, ...rest } = headersOf(echo);
    const headers = { ...rest, ...(value !== undefined && { [name]: value }) };
    const answer = await answerOf(await fetch(url, { method: "POST", headers, body: JSON.stringify(echo) }));
    expect(answer.status).toBe(400);
    expect(answer.message.error).toBeDefined();
    expect((await app.tasks.list()).tasks).toEqual([]);
  });

  it("an envelope of a revision that nobody speaks is told which are spoken", async () => {
    const { url } = await run();
    const meta = { "io.modelcontextprotocol/protocolVersion": "2999-01-01" };
    const headers = { "mcp-protocol-version": "2999-01-01" };
    const answer = await ask(
      url,
      "tools/call",
      { name: "echo", arguments: { text: "x" } },
      { meta, headers },
    );
    expect([answer.status, answer.text.includes("2026-07-28")]).toEqual([400, true]);
  });
});

describe("tools and arguments", () => {
  it("an unknown tool is an error of the request", async () => {
    const { url } = await run();
    for (const name of ["nothing", "__proto__", "constructor", "toString", ""]) {
      const answer = await call(url, name);
      expect(answer.message.error?.code).toBe(-32_602);
      expectNoInside(answer.text);
    }
  });

  it("arguments that do not fit are a result that a model can act on", async () => {
    const { url, app } = await run();
    for (const input of [{}, { text: 7 }, { text: null }]) {
      const { message: said } = await call(url, "echo", input);
      expect(said.result).toMatchObject({ isError: true });
      expect(said.result?.content?.[0]?.text).toMatch(/^the input of echo does not fit its schema: text: /);
    }
    expect((await app.tasks.list()).tasks).toEqual([]);
  });

  it("arguments that are no object are an error of the request", async () => {
    const { url } = await run();
    for (const input of [[], "text", 7]) {
      const answer = await ask(url, "tools/call", { name: "echo", arguments: input });
      expect(answer.message.error).toBeDefined();
      expectNoInside(answer.text);
    }
  });

  it("names out of an object's prototype are only names", async () => {
    const { url } = await run();
    const body = JSON.stringify(echo).replace('"text":"x"', '"text":"x","__proto__":{"polluted":true}');
    const response = await fetch(url, { method: "POST", headers: headersOf(echo), body });
    expect((await answerOf(response)).message.result?.structuredContent).toEqual({ text: "x" });
    expect(Object.prototype).not.toHaveProperty("polluted");
  });
});

describe("one connection", () => {
  it("carries many requests, also sent all at once, and answers them in order", async () => {
    const { port, url } = await run();
    const texts = Array.from({ length: 50 }, (_, index) => `number ${index}.`);
    const requests = texts.map((text, id) =>
      httpPost(message("tools/call", { name: "echo", arguments: { text } }, { id })),
    );
    const client = new RawClient(port).send(requests.join(""));
    const received = await client.until(/number 49\./);
    const order = texts.map((text) => received.indexOf(text));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    await eventually(() => goesOn(url));
  });
});
