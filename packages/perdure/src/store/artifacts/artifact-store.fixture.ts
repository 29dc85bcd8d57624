/** What every artifact store must do, over each. */
import { createHash, randomBytes } from "node:crypto";
import { text as textOf } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { PerdureError } from "../../task/errors.ts";
import { newTaskId, type TaskId } from "../../task/id.ts";
import type { ArtifactKey, ArtifactStore } from "./artifact-store.ts";

export const taskId = (): TaskId => newTaskId(Date.now());
export const keyOf = (given: Partial<ArtifactKey> = {}): ArtifactKey => ({
  taskId: taskId(),
  name: "model",
  attempt: 1,
  ...given,
});

export async function put(store: ArtifactStore, key: ArtifactKey, text = "whole"): Promise<void> {
  const writer = await store.create(key);
  await writer.write(Buffer.from(text));
  await writer.finish();
}

export async function contentOf(store: ArtifactStore, key: ArtifactKey): Promise<string | undefined> {
  try {
    return await textOf(await store.open(key));
  } catch (error) {
    if ((error as PerdureError).code === "ARTIFACT_STORE") return undefined;
    throw error;
  }
}

export function describeArtifactStore(kind: string, opened: () => Promise<ArtifactStore>): void {
  describe(`an artifact store: ${kind}`, () => {
    it("gives back what was written, whole or a range of it", async () => {
      const [store, key] = [await opened(), keyOf()];
      const writer = await store.create(key);
      for (const chunk of ["abc", "", "defg"]) await writer.write(Buffer.from(chunk));
      await writer.finish();
      expect(await contentOf(store, key)).toBe("abcdefg");
      expect(await textOf(await store.open(key, { start: 2, end: 4 }))).toBe("cde");
      expect(await textOf(await store.open(key, { start: 6, end: 6 }))).toBe("g");
    });

    it("takes as much as comes, of a chunk that is used again at once", async () => {
      const [store, key] = [await opened(), keyOf()];
      const writer = await store.create(key);
      const chunk = Buffer.alloc(1_000_003);
      const hash = createHash("sha256");
      for (let n = 0; n < 40; n++) {
        randomBytes(64).copy(chunk, n);
        chunk.fill(n, 64, 2_000);
        hash.update(chunk);
        await writer.write(chunk);
      }
      await writer.finish();
      const read = createHash("sha256");
      for await (const part of await store.open(key)) read.update(part as Uint8Array);
      expect(read.digest("hex")).toBe(hash.digest("hex"));
    });

    it("keeps nothing at all, too", async () => {
      const [store, key] = [await opened(), keyOf()];
      await (await store.create(key)).finish();
      expect(await contentOf(store, key)).toBe("");
    });

    it("shows nothing before the end, nor after an abort", async () => {
      const [store, key] = [await opened(), keyOf()];
      const writer = await store.create(key);
      await writer.write(Buffer.alloc(100_000));
      expect(await contentOf(store, key)).toBeUndefined();
      await writer.abort();
      expect(await contentOf(store, key)).toBeUndefined();
    });

    it("keeps apart the attempts, tasks and names, whatever these are", async () => {
      const store = await opened();
      const task = taskId();
      const names = ["a", "A", "../a", "/a", "a/../../a", "CON", "\u00e9", "e\u0301", "x".repeat(1_000)];
      const keys = [...names, "\u202egpj.exe", ".", "..", "a\n", "🧨".repeat(200)].map((name) =>
        keyOf({ taskId: task, name }),
      );
      keys.push(keyOf({ taskId: task, name: "a", attempt: 2 }), keyOf({ name: "a" }));
      keys.push(
        keyOf({ name: "a", taskId: "../../up" as TaskId }),
        keyOf({ name: "a", taskId: "nul" as TaskId }),
      );
      for (const [at, key] of keys.entries()) await put(store, key, `content ${at}`);
      for (const [at, key] of keys.entries()) expect(await contentOf(store, key)).toBe(`content ${at}`);
    });

    it("replaces what an attempt of the same number has left", async () => {
      const [store, key] = [await opened(), keyOf()];
      await put(store, key, "of a time that was undone");
      const begun = await store.create(key);
      await begun.write(Buffer.from("begun"));
      await put(store, key, "anew");
      await begun.abort();
      expect(await contentOf(store, key)).toBe("anew");
    });

    it("removes one, and does not mind where there is none", async () => {
      const [store, key] = [await opened(), keyOf()];
      await store.remove(key);
      await put(store, key);
      await store.remove(key);
      expect(await contentOf(store, key)).toBeUndefined();
    });

    it("sweeps what is not kept, of that task alone", async () => {
      const store = await opened();
      const task = taskId();
      const [kept, left, other] = [
        keyOf({ taskId: task, attempt: 2 }),
        keyOf({ taskId: task, attempt: 1 }),
        keyOf(),
      ];
      for (const key of [kept, left, other]) await put(store, key);
      const begun = await store.create(keyOf({ taskId: task, name: "begun" }));
      await begun.write(Buffer.alloc(10));
      await store.sweep(task, [kept]);
      expect(await contentOf(store, kept)).toBe("whole");
      expect(await contentOf(store, left)).toBeUndefined();
      // Whoever was fenced off finds his work gone, and says so; or finishes, for the next sweep.
      await begun.finish().catch(() => undefined);
      await store.sweep(task, []);
      await store.sweep(task, []);
      expect(await contentOf(store, kept)).toBeUndefined();
      expect(await contentOf(store, keyOf({ taskId: task, name: "begun" }))).toBeUndefined();
      expect(await contentOf(store, other)).toBe("whole");
    });
  });
}
