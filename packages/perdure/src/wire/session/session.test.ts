import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import { ScriptedMemory } from "../../delivery/scripted-memory.fixture.ts";
import { ask, call, headersOf, message } from "../http/http.fixture.ts";
import { connect } from "../v1/http.fixture.ts";
import { as, auth, elsewhere, memory, overHttp, sayingApp, type Way } from "./session.fixture.ts";

const whole = { session: "s-1", memory, actor: "user/ada:1" };

describe("a task knows the session of its caller", () => {
  it("from _meta, on every channel of HTTP", async () => {
    for (const [name, way] of Object.entries(await overHttp(sayingApp()))) {
      expect([name, await way({ meta: whole })]).toEqual([name, whole]);
      expect([name, await way({ meta: "s-1" })]).toEqual([name, { session: "s-1", actor: "local" }]);
      expect([name, await way({})]).toEqual([name, null]);
    }
  });

  it("from _meta, on pipes and attached servers", async () => {
    for (const [name, way] of Object.entries(await elsewhere(sayingApp()))) {
      expect([name, await way({ meta: whole })]).toEqual([name, whole]);
      expect([name, await way({})]).toEqual([name, null]);
    }
  });

  it("from the headers that the application has named, and from no others", async () => {
    const session = {
      headers: {
        session: "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id",
        memory: "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Memory",
      },
    };
    const headers = {
      "x-amzn-bedrock-agentcore-runtime-session-id": "of-the-runtime",
      "x-amzn-bedrock-agentcore-runtime-custom-memory": memory,
      "x-amzn-bedrock-agentcore-runtime-custom-actor": "eve",
    };
    for (const [name, way] of Object.entries(await overHttp(sayingApp({ session })))) {
      expect([name, await way({ headers })]).toEqual([
        name,
        { session: "of-the-runtime", memory, actor: "local" },
      ]);
    }
    for (const way of Object.values(await overHttp(sayingApp()))) expect(await way({ headers })).toBeNull();
  });

  it("from _meta before a header, each id by itself", async () => {
    const session = { headers: { session: "x-session", memory: "x-memory" } };
    const { "2026, a task": way } = (await overHttp(sayingApp({ session }))) as { "2026, a task": Way };
    const headers = { "x-session": "of-the-header", "x-memory": memory };
    expect(await way({ headers, meta: { session: "of-meta" } })).toEqual({
      session: "of-meta",
      memory,
      actor: "local",
    });
  });

  it("a header with a memory alone names nothing", async () => {
    const session = { headers: { memory: "x-memory" } };
    const { "2026, a task": way } = (await overHttp(sayingApp({ session }))) as { "2026, a task": Way };
    expect(await way({ headers: { "x-memory": memory } })).toBeNull();
  });
});

describe("the composite Mcp-Session-Id of AWS's post", () => {
  const composite = `s-1@@@${memory}@@@ada`;

  it("is understood of a client of SDK 1.x that sets it itself", async () => {
    const app = sayingApp({ session: { composite: true } });
    const { url } = await app.listen({ port: 0 });
    const client = await connect(url, { "Mcp-Session-Id": composite });
    for (const name of ["whose", "mine"]) {
      const { structuredContent } = await client.callTool({ name, arguments: {} });
      expect(structuredContent).toEqual({ session: { session: "s-1", memory, actor: "ada" } });
    }
  });

  it("is an id like any other where it was not asked for, and on 2026-07-28, which has none", async () => {
    const off = await overHttp(sayingApp());
    for (const way of Object.values(off))
      expect(await way({ headers: { "mcp-session-id": composite } })).toBeNull();
    const on = await overHttp(sayingApp({ session: { composite: true } }));
    const seen = await Promise.all(
      Object.entries(on).map(async ([name, way]) => [
        name.slice(0, 4),
        await way({ headers: { "mcp-session-id": composite } }),
      ]),
    );
    const ids = { session: "s-1", memory, actor: "ada" };
    expect(seen).toEqual([
      ...["2026", "2026", "2026"].map((year) => [year, null]),
      ...["2025", "2025", "2025"].map((year) => [year, ids]),
    ]);
  });

  it.each([
    [`s-1@@@${memory}`, "actor"],
    [`s-1@@@${memory}@@@ada@@@eve`, "actor"],
    ["s-1@@@@@@ada", "memory"],
    [`@@@${memory}@@@ada`, "session"],
  ])("is refused where it is not whole: %s", async (id, field) => {
    const { "2025, a held call": way } = (await overHttp(sayingApp({ session: { composite: true } }))) as {
      "2025, a held call": Way;
    };
    expect(await way({ headers: { "mcp-session-id": id } })).toMatchObject({
      error: { code: -32_602, data: { field } },
    });
  });
});

describe("an id that does not fit", () => {
  it.each([
    [
      "session",
      { session: "with space" },
      /1 to 100 characters of the pattern \^\[a-zA-Z0-9\].*"with space" came/,
    ],
    ["session", { session: "s".repeat(101) }, /"s{60}…" came \(101 characters\)/],
    ["session", { session: 7 }, /a string was expected, 7 came/],
    ["session", ["s-1"], /a string was expected/],
    ["session", { memory }, /it is missing, beside memory/],
    ["memory", { session: "s-1", memory: "short" }, /12 to 2048 characters/],
    ["memory", { session: "s-1", memory: "m-0123456789\n" }, /12 to 2048/],
    ["actor", { session: "s-1", actor: "@ada" }, /1 to 255 characters/],
    ["actor", { session: "s-1", actor: `${"a-".repeat(127)}!` }, /255 characters/],
  ])("is refused before any work starts, and named: %s of %j", async (field, meta, said) => {
    const app = sayingApp();
    // Of an error of a plain tool the SDK makes a tool error on 2025.
    const { "2025, a plain tool": bySdk, ...ways } = await overHttp(app);
    for (const [name, way] of Object.entries(ways)) {
      const answer = (await way({ meta })) as { error?: { code: number; message: string; data: unknown } };
      expect([name, answer.error?.code, answer.error?.data]).toEqual([name, -32_602, { field }]);
      expect(answer.error?.message).toMatch(said);
      expect(answer.error?.message.length).toBeLessThan(400);
    }
    expect(await bySdk?.({ meta })).toMatchObject({ isError: true });
    expect((await app.tasks.list()).tasks).toEqual([]);
  });
});

describe("with auth", () => {
  const names = { session: "s-1", memory };

  it("the actor is the principal, whatever way the caller names another by", async () => {
    const session = {
      composite: true,
      headers: { session: "x-session", actor: "x-actor" },
    };
    const app = sayingApp({ auth, session });
    for (const [name, way] of Object.entries(await overHttp(app))) {
      const headers = as("ada");
      expect([name, await way({ headers, meta: names })]).toEqual([name, { ...names, actor: "ada" }]);
      expect(await way({ headers, meta: { ...names, actor: "ada" } })).toEqual({ ...names, actor: "ada" });
      const others = [
        { headers, meta: { ...names, actor: "bob" } },
        { headers: { ...headers, "x-session": "s-1", "x-actor": "bob" } },
        ...(name.startsWith("2025")
          ? [{ headers: { ...headers, "mcp-session-id": `s-1@@@${memory}@@@bob` } }]
          : []),
      ];
      for (const other of others) {
        const refused = JSON.stringify(await way(other));
        expect(refused).toContain("must be the principal");
        expect(refused).not.toContain("bob");
      }
    }
    const { tasks } = await app.tasks.list();
    expect(new Set(tasks.map(({ owner, session: of }) => `${owner} ${of?.actor}`))).toEqual(
      new Set(["ada ada"]),
    );
  });

  it("a policy decides which actor a principal may name", async () => {
    const actor = (principal: string, named: string | undefined) =>
      named === undefined || named.startsWith(`${principal}/`) ? (named ?? `${principal}/main`) : undefined;
    const app = sayingApp({ auth, session: { actor } });
    for (const [name, way] of Object.entries(await overHttp(app))) {
      const asked = async (named?: string) =>
        way({ headers: as("ada"), meta: { ...names, ...(named !== undefined && { actor: named }) } });
      expect([name, await asked()]).toEqual([name, { ...names, actor: "ada/main" }]);
      expect(await asked("ada/side")).toEqual({ ...names, actor: "ada/side" });
      expect(JSON.stringify(await asked("bob/main"))).toContain("the caller may not name");
    }
  });

  it("a policy that throws, or returns what cannot be, refuses; nothing of the inside is told", async () => {
    const thrown = () => {
      throw new Error("the directory at 10.0.0.7 is down");
    };
    for (const actor of [thrown, () => "not an id!"]) {
      const { "2026, a task": way } = (await overHttp(sayingApp({ auth, session: { actor } }))) as {
        "2026, a task": Way;
      };
      const said = JSON.stringify(await way({ headers: as("ada"), meta: names }));
      expect(said).toContain("it could not be decided");
      expect(said).not.toMatch(/10\.0\.0\.7|not an id/);
    }
  });

  it("a principal that cannot be an actor is refused, with what to do", async () => {
    const app = sayingApp({ auth: () => "ada@example.com" });
    const { "2026, a task": way } = (await overHttp(app)) as { "2026, a task": Way };
    expect(JSON.stringify(await way({ meta: names }))).toContain("by session.actor");
    expect(await way({})).toBeNull();
  });

  it("the memories may be a list, whose first is the one where none is named", async () => {
    const app = sayingApp({ auth, session: { memory: [memory, "other-0123456789"] } });
    const { "2026, a task": way } = (await overHttp(app)) as { "2026, a task": Way };
    const headers = as("ada");
    const asked = async (named?: string) =>
      way({ headers, meta: { session: "s-1", ...(named !== undefined && { memory: named }) } });
    expect(await asked()).toEqual({ ...names, actor: "ada" });
    expect(await asked("other-0123456789")).toMatchObject({ memory: "other-0123456789" });
    expect(await asked("third-0123456789")).toMatchObject({ error: { data: { field: "memory" } } });
  });
});

test("an equal call of another session is a task of its own; of the same it rejoins", async () => {
  const app = testApp({ hold: "50ms" });
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  app.task("wait", { description: "Waits.", input: z.object({}), onDisconnect: "continue" }, async () => {
    await released;
    return {};
  });
  const { url } = await app.listen({ port: 0 });
  const lost = async (session: string): Promise<void> => {
    const before = (await app.tasks.list()).tasks.length;
    const gone = new AbortController();
    const meta = { "perdure/session": { session } };
    const asked = fetchCall(url, meta, gone.signal).catch(() => undefined);
    for (let tries = 0; tries < 200 && (await app.tasks.list()).tasks.length === before; tries++)
      await sleep(5);
    gone.abort();
    await asked;
  };
  await lost("one");
  const meta = (session: string) => ({ meta: { "perdure/session": { session } } });
  await call(url, "wait", {}, meta("two"));
  expect(new Set((await app.tasks.list()).tasks.map(({ session }) => session?.session))).toEqual(
    new Set(["one", "two"]),
  );
  await call(url, "wait", {}, meta("one"));
  expect((await app.tasks.list()).tasks).toHaveLength(2);
  release();
});

test("an idempotencyKey names the same task from another session, and it stays the first one's", async () => {
  const delivered = new ScriptedMemory(() => Date.now());
  const app = testApp({ auth, memory: delivered, deliver: "always" });
  app.task(
    "pay",
    { description: "Pays.", input: z.object({}), idempotencyKey: () => "order 1" },
    (_, { session }) => ({ session }),
  );
  const { url } = await app.listen({ port: 0 });
  const pay = async (session: string, name = "ada") => {
    const options = { headers: as(name), meta: { "perdure/session": { session } } };
    return (await ask(url, "tools/call", { name: "pay", arguments: {} }, options)).message;
  };
  const first = { session: "one", actor: "ada" };
  for (const session of ["one", "two"]) {
    expect(await pay(session)).toMatchObject({ result: { structuredContent: { session: first } } });
  }
  expect((await app.tasks.list()).tasks).toMatchObject([{ idempotencyKey: "order 1", session: first }]);
  // The same key of another owner is another task.
  const bobs = { session: "two", actor: "bob" };
  expect(await pay("two", "bob")).toMatchObject({ result: { structuredContent: { session: bobs } } });
  await expect.poll(() => delivered.kept.length).toBe(2);
  expect(delivered.kept.map(({ context }) => context)).toEqual([first, bobs]);
});

async function fetchCall(url: string, meta: object, signal: AbortSignal): Promise<void> {
  const body = message("tools/call", { name: "wait", arguments: {} }, { meta });
  await fetch(url, { method: "POST", headers: headersOf(body), body: JSON.stringify(body), signal });
}
