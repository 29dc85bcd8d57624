import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";
import type { LogEntry } from "./listener.ts";

const memory = "/memories/training-0123456789";
const log: LogEntry[] = [];
let local: AgentCoreLocal;

beforeAll(async () => {
  local = await startAgentCoreLocal({ maxBodyBytes: 1000, log: (entry) => log.push(entry) });
});

beforeEach(() => {
  log.length = 0;
});

afterAll(() => local.close());

async function post(path: string, body: string | Uint8Array<ArrayBuffer>, method = "POST") {
  const response = await fetch(local.url + path, { method, ...(method !== "GET" && { body }) });
  const { message } = (await response.json()) as { message: string };
  return { status: response.status, type: response.headers.get("x-amzn-errortype"), message };
}

test.each([
  ["no JSON", '{"maxResults":', "The body is not JSON"],
  ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "The body is not JSON in UTF-8"],
  ["no object", "[]", "not an object"],
  ["null", "null", "not an object"],
])("a body that is %s is refused", async (_name, body, said) => {
  const refused = await post(`${memory}/actors`, body);
  expect(refused).toMatchObject({ status: 400, type: "ValidationException" });
  expect(refused.message).toContain(said);
});

test("no body is an empty one", async () => {
  expect(await post(`${memory}/actors`, "")).toMatchObject({ status: 200 });
});

test.each([
  ["POST", "/"],
  ["POST", "/memories"],
  ["GET", `${memory}/actors`],
  ["POST", `${memory}/actors/`],
  ["PUT", `${memory}/events`],
  ["POST", "/runtimes/arn/invocation"],
])("%s %s is no operation", async (method, path) => {
  expect(await post(path, "{}", method)).toMatchObject({ status: 404, type: "UnknownOperationException" });
});

test.each([
  ["https://example.com", 403],
  ["https://localhost.example.com", 403],
  ["null", 403],
  ["http://localhost:3000", 200],
  ["http://127.0.0.1", 200],
  ["http://[::1]:8080", 200],
])("a page of %s is answered %d", async (origin, status) => {
  const url = `${local.url}${memory}/actors`;
  const answer = await fetch(url, { method: "POST", headers: { origin }, body: "{}" });
  expect(answer.status).toBe(status);
});

test("a path that is no percent-encoding is refused", async () => {
  expect(await post("/memories/%ff/actors", "{}")).toMatchObject({
    status: 400,
    type: "ValidationException",
  });
});

test("a body that says it is too large is refused before it comes, one that is, in the middle", async () => {
  const answered = async (headers: Record<string, string>) => {
    const sent = request(`${local.url}${memory}/actors`, { method: "POST", headers });
    sent.on("error", () => undefined);
    sent.write(" ".repeat(2000));
    const [response] = (await once(sent, "response")) as [{ statusCode: number }];
    sent.destroy();
    return response.statusCode;
  };
  expect(await answered({ "content-length": "1000000" })).toBe(413);
  expect(await answered({ "transfer-encoding": "chunked" })).toBe(413);
});

test("a caller that goes in the middle of a request harms nobody", async () => {
  const socket = connect(Number(new URL(local.url).port), "127.0.0.1");
  socket.write(`POST ${memory}/actors HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{`);
  await once(socket, "connect");
  socket.destroy();
  expect(await post(`${memory}/actors`, "{}")).toMatchObject({ status: 200 });
});

test("HTTP/2 without TLS is answered as HTTP/1.1 is, several requests on one connection", async () => {
  const session = connectHttp2(local.url);
  const answers = ["{}", '{"maxResults":'].map(async (body) => {
    const stream = session.request({ ":method": "POST", ":path": `${memory}/actors` });
    stream.end(body);
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    const { message } = JSON.parse(await text(stream)) as { message?: string };
    return { status: headers[":status"], message };
  });
  const said = expect.stringContaining("The body is not JSON") as string;
  expect(await Promise.all(answers)).toEqual([{ status: 200 }, { status: 400, message: said }]);
  session.close();
});

test("a request that comes in single bytes is understood", async () => {
  const socket = connect(Number(new URL(local.url).port), "127.0.0.1");
  socket.setNoDelay(true);
  for (const byte of "PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") {
    socket.write(byte);
    await new Promise(setImmediate);
  }
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 /);
});

test("the log has every request, and nothing of its content", async () => {
  await post(`${memory}/actors`, '{"nextToken":"private"}');
  await post("/private", "{}");
  expect(log).toMatchObject([
    { operation: "ListActors", status: 400, error: "ValidationException" },
    { operation: undefined, status: 404, error: "UnknownOperationException" },
  ]);
  expect(JSON.stringify(log)).not.toContain("private");
});

test("a log that throws harms nobody but its own request", async () => {
  let isAngry = true;
  await using angry = await startAgentCoreLocal({
    log: () => {
      if (isAngry) throw new Error("no room for a log");
    },
  });
  await expect(fetch(`${angry.url}${memory}/actors`, { method: "POST" })).rejects.toThrow("fetch failed");
  isAngry = false;
  expect((await fetch(`${angry.url}${memory}/actors`, { method: "POST" })).status).toBe(200);
});

test("a port that is taken is said", async () => {
  const port = Number(new URL(local.url).port);
  await expect(startAgentCoreLocal({ port })).rejects.toThrow("EADDRINUSE");
});
