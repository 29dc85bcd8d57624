/** Artifacts as clients see them: links in the result on every channel, resources, and HTTP. */
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { temporaryFile, testApp } from "../app/app.fixture.ts";
import type { PerdureOptions } from "../app/app.ts";
import type { ArtifactOptions } from "../engine/artifact-calls.ts";
import type { ArtifactData } from "../engine/artifact-data.ts";
import { artifactUri, fromSegment, toSegment } from "./call/artifact-links.ts";
import { ask, call } from "./http/http.fixture.ts";
import { bearerTokens } from "./http/authenticate.ts";
import { connect } from "./v1/http.fixture.ts";

type Left = readonly [name: string, data: ArtifactData, options?: ArtifactOptions];

const auth = bearerTokens({ "secret-of-ann": "ann", "secret-of-bob": "bob" });
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** A server with a task that has left these. */
async function leaving(
  artifacts: () => readonly Left[],
  options: Pick<PerdureOptions, "auth" | "artifacts"> = {},
) {
  const app = testApp(options);
  app.task("leave", { description: "Leaves.", input: z.looseObject({}) }, async (_, task) => {
    for (const [name, data, more] of artifacts()) await task.artifact(name, data, more);
    return { left: artifacts().length };
  });
  const { url } = await app.listen({ port: 0 });
  const owner = options.auth === undefined ? "local" : "ann";
  const handle = await app.submit("leave", {}, { owner });
  await handle.result();
  return { app, url, id: handle.id };
}

const report: Left = ["report.csv", "a,b\n1,2\n", { mediaType: "text/csv" }];

describe("the links of a result", () => {
  const link = (id: string) => ({
    type: "resource_link",
    uri: `perdure://tasks/${id}/artifacts/report.csv`,
    name: "report.csv",
    mimeType: "text/csv",
    size: 8,
  });

  it("are there in a held call, get_task_results, tasks/get and tasks/result", async () => {
    const { app, url } = await leaving(() => [report]);
    const idOf = async () => (await app.tasks.list({ limit: 1 })).tasks[0]?.id ?? "";
    const held = (await call(url, "leave")).message.result;
    expect(held).toMatchObject({
      content: [{ type: "text", text: '{"left":1}' }, link(await idOf())],
      structuredContent: { left: 1 },
    });
    const id = await idOf();
    const got = (await call(url, "get_task_results", { task_id: id })).message.result;
    expect(got?.content?.[1]).toEqual(link(id));

    const v2 = await ask(url, "tools/call", { name: "leave", arguments: {} }, { tasks: true });
    const taskId = v2.message.result?.taskId ?? "";
    await app.tasks.handle(taskId).result();
    const now = await ask(url, "tasks/get", { taskId }, { tasks: true });
    expect(now.message.result).toMatchObject({ result: { content: [{ type: "text" }, link(taskId)] } });

    const client = await connect(url);
    let result: unknown;
    const stream = client.experimental.tasks.callToolStream({ name: "leave" }, CallToolResultSchema, {
      task: {},
    });
    for await (const message of stream) if (message.type === "result") ({ result } = message);
    expect(result).toMatchObject({ content: [{ type: "text" }, link(await idOf())] });
    const read = await client.readResource({ uri: link(await idOf()).uri });
    expect(read.contents).toEqual([{ uri: link(await idOf()).uri, mimeType: "text/csv", text: report[1] }]);
  });

  it("are at most a hundred; the rest is listed", async () => {
    const { url, id } = await leaving(() =>
      Array.from({ length: 103 }, (_, n) => [`part ${n}`, "x"] as const),
    );
    const { content = [] } = (await call(url, "get_task_results", { task_id: id })).message.result ?? {};
    expect(content).toHaveLength(102);
    expect(content.at(-1)?.text).toBe(`3 more are listed by the resource perdure://tasks/${id}/artifacts.`);
    const list = await ask(url, "resources/read", { uri: `perdure://tasks/${id}/artifacts` });
    const contents = list.message.result?.["contents"] as { readonly text: string }[] | undefined;
    expect(JSON.parse(contents?.[0]?.text ?? "")).toHaveLength(103);
  });
});

const hostile = [
  "../../etc/passwd",
  "..",
  ".",
  "~",
  "a/b",
  "a,b?c#d%20",
  "\u202egpj.exe",
  "CON",
  "é",
  "a b",
  "\r\nx: y",
];

it.each(hostile)("a name like %j stays one segment, there and back", (name) => {
  const uri = new URL(artifactUri("task", name));
  expect(uri.pathname.split("/")).toHaveLength(4);
  expect(fromSegment(uri.pathname.split("/")[3] ?? "")).toBe(name);
  expect(toSegment(name)).not.toMatch(/[/\\?#,\r\n]/);
});

describe("resources/read of an artifact", () => {
  const read = (url: string, uri: string, more: Parameters<typeof ask>[3] = {}) =>
    ask(url, "resources/read", { uri }, more);

  it("gives text as text, bytes as bytes, and any part as bytes", async () => {
    const { url, id } = await leaving(() => [
      ["text", "grün"],
      ["bytes", Buffer.from([0, 255, 1])],
      ...hostile.map((name) => [name, name] as const),
    ]);
    const contents = async (name: string, query = "") =>
      (await read(url, artifactUri(id, name) + query)).message.result?.["contents"];
    const base64 = (content: string) => Buffer.from(content).toString("base64");
    expect(await contents("text")).toMatchObject([{ text: "grün", mimeType: "text/plain;charset=utf-8" }]);
    expect(await contents("bytes")).toMatchObject([{ blob: "AP8B" }]);
    expect(await contents("text", "?start=0&end=1")).toMatchObject([{ blob: base64("gr") }]);
    expect(await contents("text", "?start=4")).toMatchObject([{ blob: base64("n") }]);
    for (const name of hostile) expect(await contents(name)).toMatchObject([{ text: name }]);
    for (const query of ["?start=5", "?start=-1", "?start=x", "?start=3&end=2"]) {
      expect((await read(url, artifactUri(id, "text") + query)).message.error?.code).toBe(-32_602);
    }
  });

  it("too large for a message says how else", async () => {
    const { url, id } = await leaving(() => [["large", Buffer.alloc(8_388_609, 7)]]);
    const { error } = (await read(url, artifactUri(id, "large"))).message;
    expect(error?.message).toContain("8388609 bytes are more than one message carries");
    const part = await read(url, `${artifactUri(id, "large")}?start=8388600`);
    expect(part.message.result?.["contents"]).toMatchObject([
      { blob: Buffer.alloc(9, 7).toString("base64") },
    ]);
  });

  it("of another owner is that of one that never was", async () => {
    const { url, id } = await leaving(() => [report], { auth });
    const mine = await read(url, artifactUri(id, "report.csv"), as("secret-of-ann"));
    expect(mine.message.result?.["contents"]).toMatchObject([{ text: "a,b\n1,2\n" }]);
    for (const [theirs, unknown] of [
      [artifactUri(id, "report.csv"), artifactUri(id, "nothing")],
      [`perdure://tasks/${id}/artifacts`, "perdure://tasks/nobody/artifacts"],
    ] as const) {
      const [one, other] = [
        await read(url, theirs, as("secret-of-bob")),
        await read(url, unknown, as("secret-of-bob")),
      ];
      expect(one.message.error?.code).toBe(other.message.error?.code);
      expect(one.message.error?.message.replace(theirs, "")).toBe(
        other.message.error?.message.replace(unknown, ""),
      );
    }
  });
});

describe("GET of an artifact", () => {
  const at = (url: string, id: string, name: string) => `${url}/artifacts/${id}/${toSegment(name)}`;

  it("gives all, a range, its end, or only the head; and nothing that is there already", async () => {
    const { url, id } = await leaving(() => [["a", "0123456789"]]);
    const get = (headers: Record<string, string> = {}, method = "GET") =>
      fetch(at(url, id, "a"), { method, headers });
    const whole = await get();
    expect([whole.status, await whole.text()]).toEqual([200, "0123456789"]);
    const etag = whole.headers.get("etag") ?? "";
    expect(etag).toBe('"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"');
    for (const [range, content, shown] of [
      ["bytes=2-4", "234", "bytes 2-4/10"],
      ["bytes=7-", "789", "bytes 7-9/10"],
      ["bytes=-2", "89", "bytes 8-9/10"],
      ["bytes=-99", "0123456789", "bytes 0-9/10"],
      ["bytes=8-99", "89", "bytes 8-9/10"],
    ] as const) {
      const part = await get({ range });
      expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([
        206,
        content,
        shown,
      ]);
    }
    for (const range of ["bytes=0-1,3-4", "lines=1-2", "bytes=x", "bytes=4-2"]) {
      const all = await get({ range });
      expect([all.status, await all.text()]).toEqual([200, "0123456789"]);
    }
    for (const range of ["bytes=10-", "bytes=-0"]) {
      const none = await get({ range });
      expect([none.status, none.headers.get("content-range")]).toEqual([416, "bytes */10"]);
    }
    expect((await get({ range: "bytes=0-1", "if-range": etag })).status).toBe(206);
    expect((await get({ range: "bytes=0-1", "if-range": '"other"' })).status).toBe(200);
    const known = await get({ "if-none-match": etag });
    expect([known.status, await known.text()]).toEqual([304, ""]);
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "10", ""]);
    expect((await get({}, "DELETE")).status).toBe(405);
  });

  it.each([
    ["text/html", "application/octet-stream"],
    ["image/svg+xml", "application/octet-stream"],
    ["application/xhtml+xml", "application/octet-stream"],
    ["text/javascript", "application/octet-stream"],
    ["multipart/x-mixed-replace;boundary=x", "application/octet-stream"],
    ["text/csv", "text/csv"],
    ["image/png", "image/png"],
    ["application/json", "application/json"],
  ])("of %s is shown nowhere: %s, to be saved", async (mediaType, sent) => {
    const { url, id } = await leaving(() => [['../<b>x".html', "<script>alert(1)</script>", { mediaType }]]);
    const { headers } = await fetch(at(url, id, '../<b>x".html'));
    expect(headers.get("content-type")).toBe(sent);
    expect(headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''_b_x_.html");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
  });

  it("has names that are none in a header or a path", async () => {
    const { url, id } = await leaving(() => hostile.map((name) => [name, name] as const));
    for (const name of hostile) {
      const answer = await fetch(at(url, id, name));
      expect(await answer.text()).toBe(name);
      expect(answer.headers.get("content-disposition")).toMatch(
        /^attachment; filename\*=UTF-8''[\w%.~!*-]+$/,
      );
    }
  });

  it("is its owner's: to others, and without a token, there is nothing", async () => {
    const { url, id } = await leaving(() => [report], { auth });
    expect((await fetch(at(url, id, "report.csv"))).status).toBe(401);
    expect((await fetch(at(url, id, "report.csv"), as("secret-of-ann"))).status).toBe(200);
    const [theirs, unknown] = await Promise.all([
      fetch(at(url, id, "report.csv"), as("secret-of-bob")),
      fetch(at(url, "nobody", "report.csv"), as("secret-of-bob")),
    ]);
    expect([theirs.status, await theirs.text()]).toEqual([unknown.status, await unknown.text()]);
    expect(theirs.status).toBe(404);
    const other = await fetch(at(url, id, "report.csv"), {
      headers: { authorization: "Bearer secret-of-ann", origin: "https://evil.example" },
    });
    expect(other.status).toBe(403);
  });

  it("is there on mounted handlers too, whole and in parts", async () => {
    const large = Buffer.alloc(3_000_000, "0123456789");
    const { app, id } = await leaving(() => [["large", large]]);
    const handle = app.fetchHandler();
    const answer = await handle(new Request(`http://localhost/mcp/artifacts/${id}/large`));
    expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true);
    const server = createServer(app.nodeHandler()).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const part = await fetch(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp/artifacts/${id}/large`,
      {
        headers: { range: "bytes=2999998-" },
      },
    );
    expect(await part.text()).toBe("89");
  });

  it("goes as fast as the client reads, and ends when it leaves", async () => {
    const size = 200_000_000;
    const chunk = Buffer.alloc(1_000_000, 1);
    const artifacts = `${temporaryFile()}.artifacts`; // more than a database takes
    const { url, id } = await leaving(
      () => [
        [
          "large",
          (async function* () {
            for (let n = 0; n < size / chunk.length; n++) yield chunk;
          })(),
        ],
      ],
      { artifacts },
    );
    const before = process.memoryUsage().rss;
    const { port, pathname } = new URL(at(url, id, "large"));
    const socket = connectTcp(Number(port), "127.0.0.1");
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await once(socket, "readable");
    // It reads nothing more: what it could buffer of the rest has come by the time that others were served.
    for (let n = 0; n < 20; n++) {
      const whole = await fetch(at(url, id, "large"), { headers: { range: "bytes=0-1000000" } });
      expect((await whole.arrayBuffer()).byteLength).toBe(1_000_001);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    socket.destroy();
    const next = httpRequest(at(url, id, "large"), { method: "HEAD" });
    next.end();
    const [response] = (await once(next, "response")) as [{ statusCode: number }];
    expect(response.statusCode).toBe(200);
  });
});
