import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import { testApp } from "../../app/app.fixture.ts";
import { call, declareTools, goesOn, headersOf, message, run } from "./http.fixture.ts";
import { bearerTokens } from "./authenticate.ts";
import { guardFor, isLoopback } from "./guard.ts";

const none = { auth: undefined, allowedHosts: undefined, allowedOrigins: undefined };
const auth = bearerTokens({ "secret-of-ann": "ann", "secret-of-bob": "bob" });
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** `fetch` does not let one say another host. */
function withHost(url: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  const body = message("tools/call", { name: "echo", arguments: { text: "x" } });
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: "POST", headers: headersOf(body, headers) }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

describe("Host and Origin", () => {
  it.each([
    ["localhost", 200],
    ["localhost:8000", 200],
    ["LocalHost:1", 200],
    ["127.0.0.1:8000", 200],
    ["[::1]:8000", 200],
    ["rebound.example", 403],
    ["rebound.example:8000", 403],
    ["localhost.rebound.example", 403],
    ["127.0.0.1.rebound.example", 403],
    ["0.0.0.0:8000", 403],
    ["a b", 403],
    ["[::1", 403],
  ])("Host %s is answered %d", async (host, status) => {
    const { url } = await run();
    expect((await withHost(url, { host })).status).toBe(status);
  });

  it.each([
    ["http://localhost:5173", 200],
    ["http://127.0.0.1", 200],
    ["http://[::1]:3000", 200],
    ["https://rebound.example", 403],
    ["http://localhost.rebound.example", 403],
    ["null", 403],
    ["file://", 403],
    ["nonsense", 403],
  ])("Origin %s is answered %d", async (origin, status) => {
    const { url } = await run();
    expect((await withHost(url, { origin })).status).toBe(status);
  });

  it("takes the names that the author allows, however they are written", async () => {
    const { url } = await run({
      listen: { allowedHosts: ["MCP.example", "::1"], allowedOrigins: ["App.example"] },
    });
    expect((await withHost(url, { host: "mcp.example:443" })).status).toBe(200);
    expect((await withHost(url, { host: "[::1]" })).status).toBe(200);
    expect((await withHost(url, { host: "localhost" })).status).toBe(403);
    const origin = "https://app.example";
    expect((await withHost(url, { host: "mcp.example", origin })).status).toBe(200);
    expect((await withHost(url, { host: "mcp.example", origin: "http://localhost" })).status).toBe(403);
  });

  it("is served at the loopback address that it listens on, whichever that is", async () => {
    const { url } = await run({ listen: { host: "127.0.0.2" } });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.2:\d+\/mcp$/);
    expect(await goesOn(url)).toBe(true);
  });

  it.each(["::1", "[::1]"])("is served at %s", async (host) => {
    const { url } = await run({ listen: { host } });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+\/mcp$/);
    expect(await goesOn(url)).toBe(true);
  });

  it("is checked on every method, before anything else", async () => {
    const { url } = await run({ auth });
    for (const method of ["GET", "POST", "DELETE", "PUT", "OPTIONS"]) {
      const response = await fetch(url, { method, headers: { origin: "https://rebound.example" } });
      expect(response.status).toBe(403);
    }
  });

  it("does not matter to who must say who he is, on a public address", () => {
    const settings = guardFor("0.0.0.0", { ...none, auth });
    expect(settings.allowedHosts).toBeUndefined();
    expect(guardFor(undefined, { ...none, auth }).allowedHosts).toBeUndefined();
    expect(guardFor(undefined, none).allowedHosts).toContain("localhost");
  });
});

describe("without auth", () => {
  it.each(["0.0.0.0", "::", "192.168.0.1", "example.com", "", "localhost.example", "127.0.0.1.example"])(
    "%j is not listened on",
    async (host) => {
      const app = testApp();
      await expect(app.listen({ host, port: 0 })).rejects.toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("without auth only a loopback address") as string,
      });
    },
  );

  it.each(["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"])(
    "%s is loopback",
    (host) => expect(isLoopback(host)).toBe(true),
  );

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal)?.address;

  it.skipIf(outside === undefined)(
    "an application that is mounted on a public address serves its own machine only, whatever Host says",
    async () => {
      const app = testApp();
      declareTools(app);
      await app.start();
      const server = createServer(app.nodeHandler());
      await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
      onTestFinished(() => void server.close());
      const { port } = server.address() as AddressInfo;
      const refused = await withHost(`http://${outside ?? ""}:${port}/mcp`, { host: "localhost" });
      expect(refused).toMatchObject({
        status: 403,
        text: expect.stringContaining("only this machine") as string,
      });
      expect((await withHost(`http://127.0.0.1:${port}/mcp`, {})).status).toBe(200);
    },
  );
});

describe("bearerTokens", () => {
  it("tells the principal of a token", async () => {
    const { url } = await run({ auth });
    const { message: said } = await call(url, "whoami", {}, as("secret-of-bob"));
    expect(said.result?.structuredContent).toEqual({ owner: "bob" });
  });

  it.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer secret-of-eve",
    "Bearer secret-of-an",
    "Bearer secret-of-ann secret-of-bob",
    "Basic secret-of-ann",
    "secret-of-ann",
    "Bearer ann",
  ])("%j is answered 401, with what to send", async (authorization) => {
    const { url } = await run({ auth });
    const response = await fetch(url, {
      method: "POST",
      ...(authorization !== undefined && { headers: { authorization } }),
      body: "{}",
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await response.json()).toMatchObject({ error: { message: "Unauthorized" } });
  });

  it.each(["", "undefined", "null", "two words"])("does not take %j for a token", (token) => {
    expect(() => bearerTokens({ [token]: "ann" })).toThrow(/bearer token of "ann"/);
  });

  it("wants a name for a principal", () => {
    expect(() => bearerTokens({ secret: "" })).toThrow(/a principal must be/);
  });
});

describe("an authenticator", () => {
  it("sees method, path and headers, and may take its time", async () => {
    const seen: string[] = [];
    const { url } = await run({
      auth: async (request) => {
        await Promise.resolve();
        seen.push(`${request.method} ${request.path} ${request.header("x-who") ?? ""}`);
        return request.header("x-who");
      },
    });
    const { message: said } = await call(`${url}?a=b`, "whoami", {}, { headers: { "x-who": "zoe" } });
    expect(said.result?.structuredContent).toEqual({ owner: "zoe" });
    expect(seen).toEqual(["POST /mcp zoe"]);
  });

  it("that throws has no principal; what it throws is nobody's to see", async () => {
    const { url, logged } = await run({
      auth: (request) => {
        throw new Error(`bad token ${request.header("authorization") ?? ""}`);
      },
    });
    const answer = await call(url, "whoami", {}, as("hunter2"));
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain("hunter2");
    expect(logged.join("\n")).toContain("auth threw");
    expect(logged.join("\n")).not.toContain("hunter2");
  });

  it.each([null, "", 7, {}, "a\0b", "x".repeat(2_000)])(
    "that returns %j has no principal",
    async (principal) => {
      const { url } = await run({ auth: () => principal as string });
      expect((await call(url, "whoami")).status).toBe(401);
    },
  );
});

describe("what a caller sent as a credential", () => {
  it("is neither logged nor stored", async () => {
    const { app, url, logged } = await run({ auth });
    await call(url, "echo", { text: "x" }, as("secret-of-ann"));
    await call(url, "echo", { text: 7 }, as("secret-of-ann"));
    await call(url, "nothing", {}, as("secret-of-ann"));
    await fetch(url, { method: "POST", ...as("secret-of-ann"), body: "{" });
    const { tasks } = await app.tasks.list();
    expect(tasks).toHaveLength(1);
    const stored = await Promise.all(tasks.map((task) => app.tasks.get(task.id)));
    expect(JSON.stringify([tasks, stored, logged])).not.toContain("secret-of-");
  });
});
