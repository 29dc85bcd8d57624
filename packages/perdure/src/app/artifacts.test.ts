/** `task.artifact`, and what the application gives back of it. */
import { createReadStream, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { ArtifactData } from "../engine/artifact-data.ts";
import type { TaskContext } from "../engine/context.ts";
import { fileError } from "../store/artifacts/errors.ts";
import { openFolderArtifacts } from "../store/artifacts/folder.ts";
import type { ArtifactStore } from "../store/artifacts/artifact-store.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { PerdureError } from "../task/errors.ts";
import type { JsonValue } from "../task/json.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { testApp } from "./app.fixture.ts";
import { inSqlite, temporaryFile } from "../store/store-under-test.fixture.ts";
import type { PerdureOptions } from "./app.ts";

/** An application that runs `handler` as its one task. */
async function started(
  handler: (task: TaskContext) => Promise<JsonValue | undefined | void>,
  options: Partial<PerdureOptions> & { readonly clock?: ManualClock } = {},
) {
  const app = testApp(options);
  app.task("leave", { description: "Leaves.", input: z.object({}), retry: 3 }, (_, task) => handler(task));
  await app.start();
  const handle = await app.submit("leave", {});
  return { app, handle, id: handle.id };
}

const sha256OfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

describe("task.artifact", () => {
  it.each<[string, () => ArtifactData, string]>([
    ["text", () => "abc", "text/plain;charset=utf-8"],
    ["bytes", () => new TextEncoder().encode("abc"), "application/octet-stream"],
    [
      "a generator",
      () =>
        (async function* () {
          yield "a";
          yield Buffer.from("bc");
        })(),
      "application/octet-stream",
    ],
    ["a web stream", () => new Blob(["abc"]).stream(), "application/octet-stream"],
    ["a stream", () => Readable.from([Buffer.from("ab"), "c"]), "application/octet-stream"],
  ])("keeps %s, and says what it has kept", async (_, data, mediaType) => {
    const { app, handle, id } = await started(async (task) => ({ ...(await task.artifact("abc", data())) }));
    const artifact = { name: "abc", mediaType, size: 3, sha256: sha256OfAbc };
    expect(await handle.result()).toEqual(artifact);
    expect(await app.tasks.artifacts(id)).toEqual([artifact]);
    expect(await textOf(await app.tasks.artifact(id, "abc"))).toBe("abc");
    expect(await handle.status()).toMatchObject({ artifacts: 1 });
  });

  it("is read in parts", async () => {
    const { app, handle, id } = await started(async (task) => void (await task.artifact("abc", "abcdef")));
    await handle.result();
    expect(await textOf(await app.tasks.artifact(id, "abc", { start: 1, end: 3 }))).toBe("bcd");
    expect(await textOf(await app.tasks.artifact(id, "abc", { start: 4, end: 99 }))).toBe("ef");
    for (const [start, end] of [[6], [-1], [3, 2], [0.5]]) {
      await expect(app.tasks.artifact(id, "abc", { start, end })).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    }
  });

  it("is written once: a later run has the answer and reads nothing", async () => {
    const file = temporaryFile();
    writeFileSync(`${file}.txt`, "abc");
    const streams: Readable[] = [];
    let begun = 0;
    const { handle } = await started(
      async (task) => {
        const stream = createReadStream(`${file}.txt`);
        streams.push(stream);
        const first = await task.artifact("file", stream);
        const second = await task.artifact(
          "made",
          (async function* () {
            begun++;
            yield "x";
          })(),
        );
        if (task.attempt === 1) throw new Error("again");
        return [first.sha256, second.size];
      },
      { store: `sqlite:${file}` },
    );
    expect(await handle.result()).toEqual([sha256OfAbc, 1]);
    expect([streams.length, begun]).toEqual([2, 1]);
    await expect.poll(() => streams[1]?.closed).toBe(true);
  });

  it("takes a name once in a run, and from no step", async () => {
    const codes: unknown[] = [];
    const { handle } = await started(async (task) => {
      await task.artifact("a", "1");
      await task.artifact("a", "2").catch((error: unknown) => codes.push((error as PerdureError).code));
      await task.step("b", () => 1);
      await task.artifact("b", "2").catch((error: unknown) => codes.push((error as PerdureError).code));
    });
    await handle.result();
    expect(codes).toEqual(["STEP_NAME_REUSED", "STEP_NAME_REUSED"]);
  });

  it.each<[string, string, ArtifactData, string | undefined]>([
    ["INVALID_OPTION", "a", "x", "text/html\r\nset-cookie: a=b"],
    ["INVALID_OPTION", "a", "x", "text"],
    ["INVALID_OPTION", "a", "x", `text/${"x".repeat(300)}`],
    ["INVALID_OPTION", "a", "x", "tëxt/plain"],
    ["INVALID_VALUE", "", "x", undefined],
    ["INVALID_VALUE", "a\0b", "x", undefined],
    ["INVALID_VALUE", "x".repeat(2_000), "x", undefined],
    ["INVALID_VALUE", "a", "\ud800", undefined],
    ["INVALID_VALUE", "a", 7 as unknown as string, undefined],
    ["INVALID_VALUE", "a", Readable.from([{ no: "bytes" }]) as ArtifactData, undefined],
  ])("refuses with %s what is none: %j", async (code, name, data, mediaType) => {
    const { app, handle, id } = await started(async (task) => {
      await task
        .artifact(name, data, mediaType === undefined ? {} : { mediaType })
        .catch((error: unknown) => {
          if ((error as PerdureError).code !== code) throw error;
        });
    });
    await handle.result();
    expect(await app.tasks.artifacts(id)).toEqual([]);
  });

  it("larger than its limit is refused while it comes, and nothing is left", async () => {
    const file = temporaryFile();
    let read = 0;
    let ended = false;
    const { app, handle, id } = await started(
      async (task) => {
        const endless = async function* () {
          try {
            for (;;) {
              read++;
              yield Buffer.alloc(1_000);
            }
          } finally {
            ended = true;
          }
        };
        return task.artifact("endless", endless()).then(
          () => "kept",
          (error: unknown) => `${(error as PerdureError).code}: ${(error as PerdureError).message}`,
        );
      },
      { store: `sqlite:${file}`, limits: { artifactBytes: 10_000 } },
    );
    expect(await handle.result()).toBe(
      'LIMIT_EXCEEDED: the artifact "endless" is more than 10,000 bytes; limits.artifactBytes allows 10,000. ' +
        "Write it in parts, or raise limits.artifactBytes.",
    );
    expect([read, ended]).toEqual([11, true]);
    expect(readdirSync(join(`${file}.artifacts`, id))).toEqual([]);
    expect(await app.tasks.artifacts(id)).toEqual([]);
  });

  it("on a full disk is a clear error, and nothing is recorded", async () => {
    const place = openFolderArtifacts(`${temporaryFile()}.artifacts`);
    const full: ArtifactStore = {
      ...place,
      location: place.location,
      create: async (key) => ({
        ...(await place.create(key)),
        write: async () => {
          throw fileError(await fullDevice(), place.location);
        },
      }),
      sweep: (...call) => place.sweep(...call),
      close: () => place.close(),
    };
    const { app, handle, id } = await started(
      (task) =>
        task.artifact("a", "x").then(
          () => "kept",
          (error: unknown) => (error as PerdureError).code,
        ),
      { artifacts: full },
    );
    expect(await handle.result()).toBe("STORE_FULL");
    expect(await app.tasks.artifacts(id)).toEqual([]);
  });

  it("of a cancelled task stops, though its source is silent, and leaves nothing", async () => {
    const file = temporaryFile();
    const clock = new ManualClock();
    const written = Promise.withResolvers<void>();
    const source = new Readable({ read: () => undefined });
    const { app, id } = await started(
      async (task) => {
        source.push("begin");
        setTimeout(() => written.resolve(), 20);
        await task.artifact("never", source);
      },
      { store: `sqlite:${file}`, clock },
    );
    await written.promise;
    await app.tasks.cancel(id);
    await expect.poll(() => source.closed).toBe(true);
    const left = () => existsSync(join(`${file}.artifacts`, id));
    await expect.poll(() => clock.advance(60_000).then(left)).toBe(false);
  });

  it("has nowhere to go where the store has no place and none was set", async () => {
    const store = openSqliteStore({ file: ":memory:" });
    Object.defineProperty(store, "openArtifacts", { value: undefined });
    const { handle } = await started(
      (task) =>
        task.artifact("a", "x").then(
          () => "kept",
          (error: unknown) => (error as PerdureError).message,
        ),
      { store },
    );
    expect(await handle.result()).toContain("Set artifacts to a folder");
  });

  const nowhere = ["", "ftp://x/y", "s3://", "s3://key:secret@bucket/", "s3://bucket?secret=x"];
  it.each(inSqlite ? [...nowhere, "database"] : nowhere)(
    "goes to no place like %j, and does not repeat a secret",
    async (artifacts) => {
      const refusal: unknown = await testApp({ artifacts })
        .start()
        .catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "INVALID_OPTION" });
      expect((refusal as PerdureError).message).not.toContain("key:secret");
    },
  );
});

/** The error that the system gives for a device that is always full. */
async function fullDevice(): Promise<Error> {
  const { open } = await import("node:fs/promises");
  await using handle = await open("/dev/full", "w");
  return await handle.write("x").then(
    () => new Error("it has room"),
    (error: unknown) => error as Error,
  );
}

describe("the artifacts of a task", () => {
  it("are its owner's: for others they never were", async () => {
    const { app, handle, id } = await started(async (task) => void (await task.artifact("a", "x")));
    await handle.result();
    for (const [owner, name] of [
      ["mallory", "a"],
      ["local", "b"],
    ] as const) {
      await expect(app.tasks.artifact(id, name, { owner })).rejects.toMatchObject({
        code: "TASK_NOT_FOUND",
        message: `there is no artifact "${name}" of a task ${id}: it never was, the task has expired, or belongs to somebody else.`,
      });
    }
    await expect(app.tasks.artifacts(id, { owner: "mallory" })).rejects.toMatchObject({
      code: "TASK_NOT_FOUND",
    });
    expect(await textOf(await app.tasks.artifact(id, "a", { owner: "local" }))).toBe("x");
  });

  it("go when it is deleted, or expires", async () => {
    const file = temporaryFile();
    const clock = new ManualClock();
    const app = testApp({ store: `sqlite:${file}`, clock });
    app.task("leave", { description: "Leaves.", input: z.object({}), ttl: "1h" }, async (_, task) => {
      await task.artifact("a", "x");
    });
    await app.start();
    const ids: string[] = [];
    for (let n = 0; n < 2; n++) {
      const handle = await app.submit("leave", {});
      await handle.result();
      ids.push(handle.id);
    }
    const left = () => readdirSync(`${file}.artifacts`).toSorted();
    await clock.advance(60_000);
    expect(left()).toEqual(ids.toSorted());
    await app.tasks.delete(ids[0] ?? "");
    await expect.poll(() => clock.advance(60_000).then(left)).toEqual([ids[1]]);
    await clock.advance(3_600_000);
    await expect.poll(() => clock.advance(60_000).then(left)).toEqual([]);
  });

  it("stay in the outbox while they cannot be removed, and hold up nobody", async () => {
    const file = temporaryFile();
    const clock = new ManualClock();
    const place = openFolderArtifacts(`${file}.artifacts`);
    let broken: string | undefined;
    const app = testApp({
      store: `sqlite:${file}`,
      clock,
      artifacts: {
        location: place.location,
        create: (key) => place.create(key),
        open: (key, range) => place.open(key, range),
        remove: (key) => place.remove(key),
        sweep: async (taskId, keep) => {
          if (taskId === broken) throw new Error("the bucket does not answer");
          await place.sweep(taskId, keep);
        },
        close: () => place.close(),
      },
    });
    onTestFinished(() => app.close({ drainMs: 0 }));
    app.task("leave", { description: "Leaves.", input: z.object({}) }, async (_, task) => {
      await task.artifact("a", "x");
    });
    await app.start();
    const [first, second] = [await app.submit("leave", {}), await app.submit("leave", {})];
    for (const handle of [first, second]) {
      await handle.result();
      await app.tasks.delete(handle.id);
    }
    broken = first.id;
    const left = () => readdirSync(`${file}.artifacts`);
    await expect.poll(() => clock.advance(60_000).then(left)).toEqual([first.id]);
    broken = undefined;
    await expect.poll(() => clock.advance(60_000).then(left)).toEqual([]);
  });
});
