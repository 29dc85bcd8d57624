import assert from "node:assert/strict";
import type { TaskId } from "../../task/id.ts";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

/** Texts that encodings, columns and comparisons are known to lose. */
export const texts: Readonly<Record<string, string>> = {
  empty: "",
  emoji: "🙂 👩‍👩‍👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
  scripts: "训练 обучение תרגול प्रशिक्षण",
  combining: "e\u0301 \u00e9",
  NUL: "before\u0000after",
  "lone high surrogate": "before\ud83dafter",
  "lone low surrogate": "before\ude42after",
  "controls and separators": "\u0001\u001f\u007f\u0080\u2028\u2029\ufeff\uffff",
  "quotes and wildcards": `'"\\\`%_?$1 :name @x -- ;`,
};

/** What may name an owner, a tool, an operation, an idempotency key: see `task/name.ts`. */
const goodNames: Readonly<Record<string, string>> = {
  emoji: "🙂 👩‍👩‍👧",
  composed: "caf\u00e9",
  decomposed: "cafe\u0301",
  controls: "\u0001\u007f\u2028\ufeff\uffff",
  quotes: `'"\\\`%_?$1 :name @x -- ;`,
  prototype: "__proto__",
  "1,024 bytes": "x".repeat(1_024),
  "1,024 bytes of 3 each": `${"训".repeat(341)}x`,
};

const badNames: Readonly<Record<string, string>> = {
  empty: "",
  NUL: "before\u0000after",
  "lone high surrogate": "before\ud83dafter",
  "lone low surrogate": "before\ude42after",
  "1,025 bytes": "x".repeat(1_025),
  "1,025 bytes of few characters": "训".repeat(342),
};

export const textCases = casesOf("texts", {
  async "of messages and reasons come back equal"(h) {
    for (const [about, text] of Object.entries(texts)) {
      const key = await h.running();
      await h.store.report({
        ...key,
        progress: { done: 1, message: text },
        logs: [{ level: "info", message: text }],
      });
      assert.equal((await h.read(key.taskId)).progress?.message, text, about);
      const log = (await h.store.timeline(key)).find((event) => event.type === "log");
      assert.equal(log?.message, text, about);
      await h.store.fail({ ...key, failure: failure({ message: text }) });
      const failed = await h.read(key.taskId);
      assert.equal(failed.status === "failed" && failed.failure.message, text, about);

      const other = await h.running();
      await h.store.cancel({ taskId: other.taskId, reason: text });
      const cancelled = await h.read(other.taskId);
      assert.equal(cancelled.status === "cancelled" && cancelled.reason, text, about);
      const end = (await h.store.timeline(other)).at(-1);
      assert.equal(end?.type === "cancelled" && end.reason, text, about);
    }
  },

  async "of names come back equal, and no two names are one"(h) {
    const key = await h.running();
    const names = [...Object.values(goodNames), "load", "Load", "load "];
    for (const name of names) {
      const { id } = await h.create({
        owner: name,
        tool: name,
        idempotencyKey: name,
        session: { session: name },
      });
      assertFields(await h.store.get({ taskId: id, owner: name }), {
        owner: name,
        tool: name,
        idempotencyKey: name,
        session: { session: name },
      });
      const { tasks } = await h.store.list({ owner: name, tool: name });
      assert.deepEqual(
        tasks.map((task) => task.id),
        [id],
      );
      await h.store.recordOperation({ ...key, name, kind: "step", state: "done", value: name });
    }
    const operations = await h.store.operations(key);
    assert.deepEqual(
      operations.map((operation) => operation.name),
      names,
    );
  },

  async "of names are refused where a store could not keep them apart"(h) {
    const key = await h.running();
    for (const [about, name] of Object.entries(badNames)) {
      const writes: Readonly<Record<string, () => Promise<unknown>>> = {
        owner: () => h.store.create(h.request({ owner: name })),
        tool: () => h.store.create(h.request({ tool: name })),
        "idempotency key": () => h.store.create(h.request({ idempotencyKey: name })),
        operation: () =>
          h.store.recordOperation({ ...key, name, kind: "step", state: "attempted", tries: 1, delayMs: 0 }),
      };
      for (const [what, write] of Object.entries(writes)) {
        await leavesUnchanged(h, key.taskId, () => refuses("INVALID_VALUE", write, `${what}: ${about}`));
      }
    }
    assert.equal((await h.store.list({})).tasks.length, 1);
  },

  async "that are no names find nothing, and are no error"(h) {
    await h.create();
    for (const [about, name] of Object.entries(badNames)) {
      assert.deepEqual(await h.store.list({ owner: name }), { tasks: [] }, about);
      assert.deepEqual(await h.store.list({ tool: name }), { tasks: [] }, about);
      assert.equal(await h.store.get({ taskId: name as TaskId }), undefined, about);
    }
  },

  async "of cursors and owners are never taken for SQL"(h) {
    const owner = "'; DELETE FROM tasks; --";
    const { id } = await h.create({ owner, tool: owner });
    await h.create();
    assert.deepEqual(
      (await h.store.list({ owner, tool: owner })).tasks.map((task) => task.id),
      [id],
    );
    assert.equal((await h.store.list({})).tasks.length, 2);
  },
});
