import assert from "node:assert/strict";
import type { CreateTask } from "../../store/store.ts";
import type { JsonValue } from "../../task/json.ts";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

const keyed = (h: ContractHarness, given: Partial<CreateTask> = {}) =>
  h.request({ idempotencyKey: "monday", ...given });

export const idempotencyCases = casesOf("idempotency key", {
  async "finds the task that it names already"(h) {
    const first = await h.store.create(keyed(h));
    await h.clock.advance(1_000);
    const second = await h.store.create(keyed(h));
    assert.deepEqual(second, { created: false, task: first.task });
  },

  async "finds a task that has ended, with its result"(h) {
    const { taskId } = await h.completed({ idempotencyKey: "monday" });
    const { created, task } = await h.store.create(keyed(h));
    assert.equal(created, false);
    assertFields(task, { id: taskId, status: "completed", result: { loss: 0.25 } });
  },

  async "changes nothing of the task that it finds"(h) {
    const first = await h.create({ idempotencyKey: "monday", ttlMs: 60_000 });
    await h.execute();
    await leavesUnchanged(h, first.id, () =>
      h.store.create(
        keyed(h, { priority: 9, ttlMs: 1, deadlineMs: 1, session: { actor: "x" }, begin: true }),
      ),
    );
  },

  async "makes no second task"(h) {
    const first = await h.create({ idempotencyKey: "monday" });
    const again = keyed(h);
    await h.store.create(again);
    assert.equal(await h.store.get({ taskId: again.id }), undefined);
    const { tasks } = await h.store.list({});
    assert.deepEqual(
      tasks.map((task) => task.id),
      [first.id],
    );
  },

  async "is refused for another input"(h) {
    const first = await h.create({ idempotencyKey: "monday" });
    await leavesUnchanged(h, first.id, () =>
      refuses("IDEMPOTENCY_CONFLICT", () => h.store.create(keyed(h, { input: { epochs: 4 } }))),
    );
    await refuses("IDEMPOTENCY_CONFLICT", () => h.store.create(keyed(h, { input: undefined })));
  },

  async "is refused for another input after the end too"(h) {
    await h.completed({ idempotencyKey: "monday" });
    await refuses("IDEMPOTENCY_CONFLICT", () => h.store.create(keyed(h, { input: { epochs: 4 } })));
  },

  async "takes inputs that are equal as JSON for equal"(h) {
    const pairs: [JsonValue | undefined, JsonValue | undefined][] = [
      [
        { a: 1, b: { c: 2, d: 3 } },
        { b: { d: 3, c: 2 }, a: 1 },
      ],
      [{ a: 1, b: undefined }, { a: 1 }],
      [undefined, undefined],
      [1.0, 1],
    ];
    for (const [n, [first, second]] of pairs.entries()) {
      const idempotencyKey = `pair ${n}`;
      const { id } = await h.create({ input: first, idempotencyKey });
      const found = await h.store.create(h.request({ input: second, idempotencyKey }));
      assert.deepEqual([found.created, found.task.id], [false, id], idempotencyKey);
    }
  },

  async "tells inputs apart that only look alike"(h) {
    const pairs: [JsonValue | undefined, JsonValue | undefined][] = [
      [1, "1"],
      [null, undefined],
      [null, "null"],
      [
        [1, 2],
        [2, 1],
      ],
      [{ a: null }, {}],
      [[], {}],
      ["é", "e\u0301"],
    ];
    for (const [n, [first, second]] of pairs.entries()) {
      const idempotencyKey = `pair ${n}`;
      await h.create({ input: first, idempotencyKey });
      await refuses(
        "IDEMPOTENCY_CONFLICT",
        () => h.store.create(h.request({ input: second, idempotencyKey })),
        idempotencyKey,
      );
    }
  },

  async "belongs to one owner and one tool"(h) {
    const first = await h.store.create(keyed(h));
    const otherOwner = await h.store.create(keyed(h, { owner: "bob", input: "another" }));
    const otherTool = await h.store.create(keyed(h, { tool: "index", input: "another" }));
    assert.deepEqual([first.created, otherOwner.created, otherTool.created], [true, true, true]);
  },

  async "is exact: no trimming, folding or normalising"(h) {
    const keys = ["monday", "Monday", "monday ", "mond\u00e4y", "monda\u0308y"];
    for (const idempotencyKey of keys) {
      assert.equal(
        (await h.store.create(h.request({ idempotencyKey }))).created,
        true,
        `"${idempotencyKey}"`,
      );
    }
  },

  async "is free again after the task was deleted"(h) {
    const { taskId } = await h.completed({ idempotencyKey: "monday" });
    await h.store.delete({ taskId });
    const { created, task } = await h.store.create(keyed(h, { input: "another" }));
    assert.equal(created, true);
    assert.notEqual(task.id, taskId);
  },

  async "is free again once the task has expired, deleted or not"(h) {
    const { taskId } = await h.completed({ idempotencyKey: "monday", ttlMs: 1_000 });
    await h.clock.advance(999);
    assert.equal((await h.store.create(keyed(h))).created, false);
    await h.clock.advance(1);
    const { created, task } = await h.store.create(keyed(h, { input: "another" }));
    assert.equal(created, true);
    assert.notEqual(task.id, taskId);
    await h.store.deleteExpired({ limit: 100 });
    assert.equal((await h.store.create(keyed(h, { input: "another" }))).task.id, task.id);
  },
});
