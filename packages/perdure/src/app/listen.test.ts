/** `app.listen`, `app.nodeHandler` and `app.fetchHandler` as an author meets them. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { call, goesOn, headersOf, message, run } from "../wire/http/http.fixture.ts";
import { bearerTokens } from "../wire/http/authenticate.ts";
import { closeNow, testApp } from "./app.fixture.ts";

const echo = message("tools/call", { name: "echo", arguments: { text: "x" } });

describe("app.listen", () => {
  it("says where clients connect to, and starts the application", async () => {
    const { url, port } = await run();
    expect(url).toBe(`http://127.0.0.1:${port}/mcp`);
    expect(await goesOn(url)).toBe(true);
  });

  it("may be called twice: two addresses of one application, closed together", async () => {
    const { app, url } = await run();
    const second = await app.listen({ port: 0, path: "/again" });
    expect(await goesOn(second.url)).toBe(true);
    await second.close();
    await expect(fetch(second.url)).rejects.toThrow("fetch failed");
    expect(await goesOn(url)).toBe(true);
    await closeNow(app);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });

  it("wants auth for a public address before anything is opened, and takes it with one", async () => {
    const app = testApp();
    await expect(app.listen({ host: "0.0.0.0", port: 0 })).rejects.toThrow(
      /bearerTokens\(\{ \[token\]: principal \}\)/,
    );
    const { port } = await run({ auth: bearerTokens({ t0p: "ann" }), listen: { host: "0.0.0.0" } });
    const url = `http://127.0.0.1:${port}/mcp`;
    expect((await call(url, "whoami")).status).toBe(401);
    const answer = await call(url, "whoami", {}, { headers: { authorization: "Bearer t0p" } });
    expect(answer.message.result?.structuredContent).toEqual({ owner: "ann" });
  });

  it("is refused after the close, and so is a name that a generated tool has", async () => {
    const closed = testApp();
    await closed.close();
    await expect(closed.listen({ port: 0 })).rejects.toMatchObject({ code: "APP_CLOSED" });
    const app = testApp();
    app.tool("list_tasks", { description: "Mine.", input: z.object({}) }, () => null);
    await expect(app.listen({ port: 0 })).rejects.toMatchObject({ code: "TOOL_EXISTS" });
  });
});

describe("app.fetchHandler", () => {
  const request = (url = "http://localhost/mcp") =>
    new Request(url, { method: "POST", headers: headersOf(echo), body: JSON.stringify(echo) });

  it("answers web requests, at whatever path they come", async () => {
    const app = testApp();
    app.tool("echo", { description: "Echo.", input: z.object({ text: z.string() }) }, ({ text }) => text);
    await app.start();
    const handle = app.fetchHandler();
    for (const url of ["http://localhost/mcp", "http://127.0.0.1:8000/api/tools?x=1"]) {
      const response = await handle(request(url));
      expect(await response.json()).toMatchObject({ result: { content: [{ type: "text", text: "x" }] } });
    }
  });
});
