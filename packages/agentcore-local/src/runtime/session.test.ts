/** The life of a session: a process and a disk of its own, from the first invocation to its end. */
import { existsSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SessionEvent } from "./sessions.ts";
import { Bench, isAlive, sessionId } from "./runtime.fixture.ts";

const minuteMs = 60_000;
const events: SessionEvent[] = [];
let bench: Bench;

beforeEach(async () => {
  events.length = 0;
  bench = await Bench.start({}, { onSession: (event) => events.push(event) });
});

afterEach(() => bench[Symbol.asyncDispose]());

/** The only one that runs. */
function running() {
  const [session] = bench.local.sessions();
  if (session === undefined) throw new Error("no session runs");
  return session;
}

test("a session id leads to one process, for as long as it lives; another id to another", async () => {
  const first = await bench.invoke({ write: "mine" }, sessionId(1));
  const again = await bench.invoke({}, sessionId(1));
  const other = await bench.invoke({}, sessionId(2));
  expect(again).toMatchObject({ pid: first.pid, cwd: first.cwd, invocations: 2 });
  expect(again.files).toContain("mine");
  expect(other.pid).not.toBe(first.pid);
  expect(other.files).not.toContain("mine");
});

test("its disk is its working directory, HOME and TMPDIR; of our environment it has PATH alone", async () => {
  vi.stubEnv("A_SECRET_OF_OURS", "1");
  const { cwd, env } = await bench.invoke({});
  vi.unstubAllEnvs();
  expect(env).toMatchObject({
    HOME: cwd,
    TMPDIR: `${cwd}/tmp`,
    PATH: process.env["PATH"],
    AWS_REGION: "us-west-2",
    AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: bench.local.url,
  });
  expect(env).not.toHaveProperty("A_SECRET_OF_OURS");
});

test("what is configured says {folder}, {disk} and {url}, and the program gets the places", async () => {
  const env = { PLACES: "{folder} {disk} {url}/gateways/front/mcp" };
  await using own = await Bench.start({ env, folder: "/code" });
  const heard = await own.invoke({});
  expect(heard.env["PLACES"]).toBe(`/code ${heard.cwd} ${own.local.url}/gateways/front/mcp`);
});

test("StopRuntimeSession ends the process, what it started, and its disk; the same id begins anew", async () => {
  const before = await bench.invoke({ child: true }, sessionId(1));
  expect(isAlive(before.child)).toBe(true);
  expect(await bench.stop(sessionId(1))).toMatchObject({ runtimeSessionId: sessionId(1), statusCode: 200 });
  await vi.waitFor(() => expect([before.pid, before.child].some(isAlive)).toBe(false), 5_000);
  expect(existsSync(before.cwd)).toBe(false);
  const after = await bench.invoke({}, sessionId(1));
  expect(after.pid).not.toBe(before.pid);
  expect(after.invocations).toBe(1);
});

test("a session that does not run cannot be stopped", async () => {
  await expect(bench.stop(sessionId(1))).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("a request that is under way is told that its session was stopped", async () => {
  const { cwd } = await bench.invoke({}, sessionId(1));
  const waits = bench.send({ wait: true, write: "begun" }, sessionId(1)).catch((error: unknown) => error);
  await vi.waitFor(() => expect(existsSync(`${cwd}/begun`)).toBe(true), 5_000);
  await bench.stop(sessionId(1));
  expect(await waits).toMatchObject({
    name: "RuntimeClientError",
    message: "The session has ended (stopped).",
  });
});

test("15 minutes after its last invocation it is ended; each invocation begins them anew", async () => {
  const { pid, cwd } = await bench.invoke({}, sessionId(1));
  const { ended } = running();
  bench.clock.advance(14 * minuteMs);
  await bench.invoke({}, sessionId(1));
  bench.clock.advance(14 * minuteMs);
  expect(await bench.invoke({}, sessionId(1))).toMatchObject({ pid });
  bench.clock.advance(15 * minuteMs);
  expect(await ended).toBe("idle");
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(cwd)).toBe(false);
  expect(events).toEqual([
    { type: "started", runtime: "agent", sessionId: sessionId(1) },
    { type: "ended", runtime: "agent", sessionId: sessionId(1), reason: "idle" },
  ]);
});

test("a time_of_last_update that moves keeps it; HealthyBusy with one that stands still does not", async () => {
  await using busy = await Bench.start({}, { limits: { pingMs: 20 } });
  const { pid, cwd } = await busy.invoke({}, sessionId(1));
  const [session] = busy.local.sessions();
  busy.clock.advance(14 * minuteMs);
  writeFileSync(`${cwd}/progress`, "");
  await vi.waitFor(() => expect(existsSync(`${cwd}/progress`)).toBe(false), 5_000);
  // Its answer has come when the next look is over too.
  writeFileSync(`${cwd}/progress`, "");
  await vi.waitFor(() => expect(existsSync(`${cwd}/progress`)).toBe(false), 5_000);
  busy.clock.advance(14 * minuteMs);
  await vi.waitFor(() => expect(busy.clock.waiting).toBe(2), 5_000);
  expect(isAlive(pid)).toBe(true);
  busy.clock.advance(minuteMs);
  expect(await session?.ended).toBe("idle");
});

test("in time that is moved over nothing happens, also when something did just before", async () => {
  const { cwd } = await bench.invoke({}, sessionId(1));
  const { ended } = running();
  writeFileSync(`${cwd}/progress`, "");
  bench.clock.advance(16 * minuteMs);
  expect(await ended).toBe("idle");
});

test("8 hours after its beginning it is ended, whatever it does", async () => {
  await bench.invoke({}, sessionId(1));
  const { ended } = running();
  const waits = bench.send({ wait: true, write: "begun" }, sessionId(1)).catch((error: unknown) => error);
  const { disk } = await running().program;
  await vi.waitFor(() => expect(existsSync(`${disk}/begun`)).toBe(true), 5_000);
  bench.clock.advance(8 * 60 * minuteMs);
  expect(await ended).toBe("lifetime");
  // Its own 15 minutes were over before.
  expect(await waits).toMatchObject({ name: "GatewayTimeoutException" });
});

test("three days later it was idle, and not old", async () => {
  await bench.invoke({}, sessionId(1));
  const { ended } = running();
  bench.clock.advance(3 * 24 * 60 * minuteMs);
  expect(await ended).toBe("idle");
});

test("while it closes, no session begins that nobody would end", async () => {
  await using closing = await Bench.start({}, { limits: { stopMs: 500 } });
  await closing.invoke({ ignoreSigterm: true }, sessionId(1));
  const closed = closing.local.close();
  await expect(closing.invoke({}, sessionId(2))).rejects.toMatchObject({
    name: "ServiceUnavailableException",
  });
  await closed;
  expect(closing.local.sessions()).toEqual([]);
});

test("a program that ignores SIGTERM is killed", async () => {
  await using stubborn = await Bench.start({}, { limits: { stopMs: 50 } });
  const { pid, cwd } = await stubborn.invoke({ ignoreSigterm: true }, sessionId(1));
  await stubborn.stop(sessionId(1));
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(cwd)).toBe(false);
});

test("a program that ends by itself ends the session, and who waits for it is told", async () => {
  await bench.invoke({}, sessionId(1));
  const { ended } = running();
  await expect(bench.send({ exit: 3 }, sessionId(1))).rejects.toMatchObject({
    name: "RuntimeClientError",
    $metadata: { httpStatusCode: 424 },
  });
  expect(await ended).toBe("exited");
  expect((await bench.invoke({}, sessionId(1))).invocations).toBe(1);
});

test.each([
  ["ends before it listens", "process.exit(7)", 30_000, "ended with exit code 7"],
  ["never listens", "setInterval(() => {}, 1000)", 200, "completes in 0.2s"],
])("a program that %s is a RuntimeClientError", async (_name, code, startMs, said) => {
  await using broken = await Bench.start({ args: ["-e", code] }, { limits: { startMs, stopMs: 50 } });
  const refused = await broken.send({}).catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: "RuntimeClientError" });
  expect((refused as Error).message).toContain(said);
  expect(broken.local.sessions()).toEqual([]);
});

test("a command that there is not is said", async () => {
  await using broken = await Bench.start({ command: "/nowhere/node" });
  await expect(broken.send({})).rejects.toThrow("could not be started (ENOENT)");
});
