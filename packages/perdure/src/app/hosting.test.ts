/** What a hosting profile sets: in this process, and as a process of its own that is ended as platforms end it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { createDatabase } from "../store/postgres/postgres.fixture.ts";
import { ManualClock } from "../testing/index.ts";
import { holdMsOf } from "../wire/call/held-call.ts";
import { bearerTokens } from "../wire/http/authenticate.ts";
import { testApp } from "./app.fixture.ts";
import type { App, PerdureOptions } from "./app.ts";
import type { Hosting } from "./hosting.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

const auth = bearerTokens({ a: "ann", e: "eve" });

/** With a task that reports when it is told to, and ends when it is told to. */
function trainer(options: Partial<PerdureOptions>) {
  const app = testApp({ auth, ...options });
  const told = { report: (): void => undefined, end: (): void => undefined };
  app.task("train", { description: "Trains.", input: z.object({}) }, async (_, task) => {
    let epoch = 0;
    told.report = () => task.progress(++epoch, 10);
    await new Promise<void>((resolve) => {
      told.end = resolve;
    });
    return { accuracy: 0.9 };
  });
  return { app, told };
}

const ping = async (port: number) => {
  const response = await fetch(`http://127.0.0.1:${port}/ping`);
  return { status: response.status, body: response.ok ? ((await response.json()) as object) : undefined };
};

describe("a profile", () => {
  it("is none that there is not, and says where it came from", () => {
    expect(() => testApp({ hosting: "aws" as Hosting })).toThrow(/^hosting must be one of .* "aws" came/);
    vi.stubEnv("PERDURE_HOSTING", "lambda");
    expect(() => testApp()).toThrow(/^PERDURE_HOSTING must be .* "lambda" came/);
  });

  it("is found by the environment: the address is that of the platform's contract", async () => {
    vi.stubEnv("PERDURE_HOSTING", "agentcore-runtime");
    const { app } = trainer({});
    const { url, port } = await app.listen({ port: 0 });
    expect(url).toBe(`http://0.0.0.0:${port}/mcp`);
    expect((await ping(port)).body).toMatchObject({ status: "Healthy" });
  });

  it("takes the address that a stand-in for the platform names", async () => {
    vi.stubEnv("HOST", "127.0.0.1");
    vi.stubEnv("PORT", "0");
    const { app } = trainer({ hosting: "agentcore-runtime" });
    const { url } = await app.listen();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:(?!8000)\d+\/mcp$/);
    vi.stubEnv("PORT", "http");
    expect(() => trainer({ hosting: "agentcore-runtime" })).toThrow(/^PORT must be a port; "http" came/);
  });

  it("wants auth on a platform, as any public address does", async () => {
    const app = testApp({ hosting: "agentcore-runtime" });
    await expect(app.listen({ port: 0 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  it("is quiet on a laptop: loopback, and nothing at /ping", async () => {
    const { app } = trainer({});
    const { port, url } = await app.listen({ port: 0 });
    expect(url).toContain("127.0.0.1");
    expect((await ping(port)).status).toBe(404);
  });
});

describe("how long a call is held", () => {
  const minutes = (app: App, asksForProgress: boolean, holdMs?: number): number => {
    const caller = { owner: "ann", session: undefined, clientName: undefined, headers: {} };
    const sink = { keepAlive: () => undefined, ...(asksForProgress && { progress: () => undefined }) };
    const task = { holdMs } as Parameters<typeof holdMsOf>[1]["task"];
    return holdMsOf(app.service(), { caller, sink, task }) / 60_000;
  };

  it.each<[Hosting, number, number, number]>([
    ["local", 50 / 60, 50 / 60, 30],
    ["agentcore-runtime", 50 / 60, 14, 14],
    ["agentcore-gateway", 50 / 60, 4.5, 4.5],
  ])("%s: %d min; with progress %d; where a tool says 30, %d", (hosting, plain, patient, thirty) => {
    const { app } = trainer({ hosting });
    expect(minutes(app, false)).toBe(plain);
    expect(minutes(app, true)).toBe(patient);
    expect(minutes(app, true, 30 * 60_000)).toBe(thirty);
  });

  it("is what the application says, below the platform's limit", () => {
    const { app } = trainer({ hosting: "agentcore-gateway", hold: "2m" });
    expect(minutes(app, true)).toBe(2);
  });
});

describe("/ping", () => {
  it("is busy while a task runs; its time is that of the last thing that happened, and of no ping", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const { app, told } = trainer({ hosting: "agentcore-runtime", clock });
    const { port } = await app.listen({ port: 0, host: "127.0.0.1" });
    const said = async () => (await ping(port)).body;
    const start = 1_700_000_000;
    expect(await said()).toEqual({ status: "Healthy", time_of_last_update: start });
    await clock.advance(60_000);
    expect(await said()).toEqual({ status: "Healthy", time_of_last_update: start });

    const task = await app.submit("train", {});
    await vi.waitFor(async () => {
      expect(await said()).toEqual({ status: "HealthyBusy", time_of_last_update: start + 60 });
    });
    await clock.advance(600_000);
    expect(await said()).toEqual({ status: "HealthyBusy", time_of_last_update: start + 60 });
    told.report();
    await vi.waitFor(async () => {
      await clock.advance(1_000);
      expect(await said()).not.toEqual({ status: "HealthyBusy", time_of_last_update: start + 60 });
    });

    await clock.advance(60_000);
    told.end();
    await task.result();
    const ended = Math.floor(clock.now() / 1_000);
    await vi.waitFor(async () => {
      expect(await said()).toEqual({ status: "Healthy", time_of_last_update: ended });
    });
    await clock.advance(600_000);
    expect(await said()).toEqual({ status: "Healthy", time_of_last_update: ended });
  });
});

describe("the platform's session id", () => {
  const sessionId = "session-of-the-platform-0123456789abcdef";

  const clientOf = async (port: number, token: string): Promise<Client> => {
    const headers = { authorization: `Bearer ${token}`, "mcp-session-id": sessionId };
    const client = new Client({ name: "tester", version: "0" });
    const url = new URL(`http://127.0.0.1:${port}/mcp`);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    onTestFinished(() => client.close());
    return client;
  };

  it("is taken from the first request on, and shows nobody the tasks of another", async () => {
    const { app } = trainer({ hosting: "agentcore-runtime", tools: {} });
    const { port } = await app.listen({ port: 0 });
    const { id } = await app.submit("train", {}, { owner: "ann" });
    const listed = async (token: string) =>
      (await (await clientOf(port, token)).callTool({ name: "list_tasks", arguments: {} })).structuredContent;
    expect(await listed("a")).toMatchObject({ tasks: [{ task_id: id }] });
    expect(await listed("e")).toMatchObject({ tasks: [] });
  });
});

describe("a process on AgentCore", () => {
  const program = `
    import { perdure } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
    import { z } from ${JSON.stringify(import.meta.resolve("zod"))};
    const app = perdure({ name: "trainer", version: "1", auth: () => "ann" });
    app.task("train", { description: "Trains.", input: z.object({}) }, async (_, task) => {
      const epoch = (await task.saved()) ?? 0;
      if (epoch > 0) return { wentOnFrom: epoch, attempt: task.attempt };
      await task.save(3);
      console.log("saved");
      await new Promise((resolve) => task.signal.addEventListener("abort", resolve));
      throw task.signal.reason;
    });
    const { port } = await app.listen({ port: 0 });
    console.log(port);
  `;

  const start = (url: string): { child: ChildProcess; line: () => Promise<string> } => {
    const env = { ...process.env, DATABASE_URL: url, PERDURE_HOSTING: "agentcore-runtime" };
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    return { child, line: async () => ((await lines.next()) as { value: string }).value };
  };

  it("gives back at SIGTERM what it runs, and another instance goes on with it", async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const first = start(database.url);
    const port = Number(await first.line());
    const { app } = trainer({ store: database.url, role: "serve" });
    const task = await app.submit("train", {}, { owner: "ann" });
    expect(await first.line()).toBe("saved");
    expect((await ping(port)).body).toMatchObject({
      status: "HealthyBusy",
      time_of_last_update: expect.closeTo(Date.now() / 1_000, -1) as number,
    });
    const second = start(database.url);
    await second.line();

    const ended = once(first.child, "close");
    first.child.kill("SIGTERM");
    expect(await ended).toEqual([null, "SIGTERM"]);
    expect(await task.result()).toEqual({ wentOnFrom: 3, attempt: 2 });
  });
});
