import { text as textOf } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { perdure } from "../../app/app.ts";
import { silent } from "../../app/app.fixture.ts";
import { ArtifactSweeper } from "../../engine/artifact-sweeper.ts";
import { contentOf, describeArtifactStore, keyOf, put } from "../artifacts/artifact-store.fixture.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import type { TaskStore } from "../store.ts";
import { openPostgresStore, type PostgresStoreOptions } from "./index.ts";
import { createDatabase, type TestDatabase } from "./postgres.fixture.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

function opened(options: Partial<PostgresStoreOptions> = {}): TaskStore {
  const store = openPostgresStore({ url: database.url, ...options });
  onTestFinished(() => store.close());
  return store;
}

function place(options: Partial<PostgresStoreOptions> = {}): ArtifactStore {
  const artifacts = opened(options).openArtifacts?.("database");
  if (artifacts === undefined) throw new Error("it has a place for artifacts");
  return artifacts;
}

const count = async (table: string): Promise<unknown> =>
  (await database.query(`SELECT count(*)::integer AS n FROM perdure.${table}`))[0]?.["n"];

describeArtifactStore("the database", async () => place());

describe("artifacts in the database", () => {
  it("are read from any byte to any other, over the ends of chunks", async () => {
    const [store, key] = [place(), keyOf()];
    const whole = Buffer.alloc(600_000, 0).map((_, at) => at % 251);
    const writer = await store.create(key);
    await writer.write(whole);
    await writer.finish();
    for (const [start, end] of [
      [0, 0],
      [262_143, 262_144],
      [262_144, 524_287],
      [100, 599_999],
    ] as const) {
      const read = Buffer.concat(await (await store.open(key, { start, end })).toArray());
      expect(read.equals(whole.subarray(start, end + 1))).toBe(true);
    }
  });

  it("have a limit, which names itself and what to set", async () => {
    const [store, key] = [place({ maxArtifactBytes: 1_000_000 }), keyOf()];
    const writer = await store.create(key);
    await writer.write(Buffer.alloc(999_999));
    await writer.write(Buffer.alloc(1));
    await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: expect.stringMatching(
        /"model" is more than 1,000,000 bytes; maxArtifactBytes .*s3:/,
      ) as string,
    });
    await writer.abort();
    expect(() => openPostgresStore({ url: database.url, maxArtifactBytes: 0 })).toThrow("maxArtifactBytes");
  });

  it("leave nothing behind: neither replaced, aborted, removed nor swept, nor written by who was fenced off", async () => {
    const [store, key] = [place(), keyOf()];
    await store.sweep(key.taskId, []);
    const before = [await count("artifact_files"), await count("artifact_chunks")];
    const large = Buffer.alloc(17_000_000);
    for (const leave of ["replaced", "aborted", "removed", "swept"]) {
      const writer = await store.create(key);
      await writer.write(large);
      if (leave === "aborted") await writer.abort();
      else await writer.finish();
      if (leave === "replaced") await put(store, key);
      if (leave === "removed" || leave === "replaced") await store.remove(key);
      if (leave === "swept") await store.sweep(key.taskId, [keyOf({ ...key, attempt: 2 })]);
      expect([leave, await contentOf(store, key)]).toEqual([leave, undefined]);
    }
    const fencedOff = await store.create(key);
    await fencedOff.write(large);
    await store.sweep(key.taskId, []);
    await expect(fencedOff.write(large)).rejects.toMatchObject({ code: "ARTIFACT_STORE" });
    await expect(fencedOff.finish()).rejects.toMatchObject({ code: "ARTIFACT_STORE" });
    expect([await count("artifact_files"), await count("artifact_chunks")]).toEqual(before);
  });

  it("are where an application on Postgres keeps them, unless it says otherwise, and go with their task", async () => {
    const before = await count("artifact_chunks");
    const store = opened();
    const app = perdure({ name: "test", version: "1", store, logger: silent, linger: 0 });
    onTestFinished(() => app.close({ drainMs: 0 }));
    app.task("leave", { description: "", input: z.object({}) }, async (_, task) => {
      await task.artifact("numbers", "0123456789");
      return null;
    });
    await app.start();
    const { id } = await app.submit("leave", {});
    await app.tasks.handle(id).result();
    expect(await textOf(await app.tasks.artifact(id, "numbers", { start: 3, end: 5 }))).toBe("345");
    await app.tasks.delete(id);
    await new ArtifactSweeper({ store, artifacts: place(), onFailure: () => undefined }).sweep({ limit: 10 });
    expect(await count("artifact_chunks")).toBe(before);
  });

  it("that are being written bear a database that cuts every connection", async () => {
    const store = opened();
    const app = perdure({
      name: "test",
      version: "1",
      store,
      artifacts: "database",
      logger: silent,
      linger: 0,
    });
    onTestFinished(() => app.close({ drainMs: 0 }));
    async function* parts(): AsyncGenerator<Buffer> {
      for (let n = 0; n < 40; n++) {
        yield Buffer.alloc(100_000, n);
        if (n % 10 !== 5) continue;
        await database.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
      }
    }
    app.task("leave", { description: "", input: z.object({}) }, async (_, task) => ({
      ...(await task.artifact("numbers", parts())),
    }));
    await app.start();
    const { id } = await app.submit("leave", {});
    expect(await app.tasks.handle(id).result()).toMatchObject({ size: 4_000_000 });
    const read = Buffer.concat(await (await app.tasks.artifact(id, "numbers")).toArray());
    expect(read.byteLength).toBe(4_000_000);
    expect([...read.subarray(99_999, 100_001), read.at(-1)]).toEqual([0, 1, 39]);
  });
});
