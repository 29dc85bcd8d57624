/** Which processes run tasks, and which only answer for them. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createDatabase, type TestDatabase } from "../store/postgres/postgres.fixture.ts";
import { call } from "../wire/http/http.fixture.ts";
import { temporaryFile } from "../store/store-under-test.fixture.ts";
import { testApp } from "./app.fixture.ts";
import type { PerdureOptions } from "./app.ts";
import type { Role } from "./role.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

afterEach(() => {
  vi.unstubAllEnvs();
});

function replica(options: Partial<PerdureOptions>) {
  const ran: number[] = [];
  const app = testApp(options);
  app.task("double", { description: "Doubles.", input: z.object({ n: z.number() }) }, async ({ n }) => {
    ran.push(n);
    return n * 2;
  });
  return { app, ran };
}

describe.each([
  ["a file", () => `sqlite:${temporaryFile()}`],
  ["Postgres", () => database.url],
])("over %s", (_, makeStore) => {
  it("a process that serves runs nothing, and answers for what another works on", async () => {
    const store = makeStore();
    const [server, worker] = [replica({ store, role: "serve" }), replica({ store, role: "work" })];
    const { url } = await server.app.listen({ port: 0 });
    const { id } = await server.app.submit("double", { n: 3 });
    expect(await server.app.tick()).toBe(0);
    const status = await call(url, "check_task_status", { task_id: id });
    expect(status.message.result).toMatchObject({ structuredContent: { status: "working" } });
    expect(JSON.stringify(status.message)).toContain("no process executes tasks of this store now");

    const waits = call(url, "double", { n: 4 });
    await worker.app.start();
    expect((await waits).message.result).toMatchObject({ content: [{ type: "text", text: "8" }] });
    expect(await server.app.tasks.handle(id).result()).toBe(6);
    expect(server.ran).toEqual([]);
    expect(worker.ran.toSorted((a, b) => a - b)).toEqual([3, 4]);
  });
});

it("is taken from PERDURE_ROLE where the program says nothing", async () => {
  vi.stubEnv("PERDURE_ROLE", "serve");
  const store = `sqlite:${temporaryFile()}`;
  const { app, ran } = replica({ store });
  await app.start();
  await app.submit("double", { n: 1 });
  expect(await app.tick()).toBe(0);
  const { app: worker, ran: worked } = replica({ store, role: "both" });
  await worker.start();
  await vi.waitFor(() => expect(worked).toEqual([1]));
  expect(ran).toEqual([]);
});

it("of a process that only works has no address: listen and stdio are refused", async () => {
  const { app } = replica({ role: "work" });
  const refused = { code: "INVALID_OPTION", message: expect.stringContaining("app.start()") as string };
  await expect(app.listen({ port: 0 })).rejects.toMatchObject(refused);
  await expect(app.stdio()).rejects.toMatchObject(refused);
});

it("that is none of the three is refused, and says where it came from", () => {
  expect(() => replica({ role: "worker" as Role })).toThrow(
    /^role must be "serve", "work" or "both"; "worker"/,
  );
  vi.stubEnv("PERDURE_ROLE", "server");
  expect(() => replica({})).toThrow(/^PERDURE_ROLE must be .* "server" came/);
});
