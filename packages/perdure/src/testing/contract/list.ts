import assert from "node:assert/strict";
import type { ListTasks, TaskPage } from "../../store/store.ts";
import type { TaskId } from "../../task/id.ts";
import { taskStatuses } from "../../task/status.ts";
import { assertInAnyOrder, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

const idsOf = (page: TaskPage) => page.tasks.map((task) => task.id);

/** Some tasks to a millisecond, so that time alone does not order them. */
async function createMany(h: ContractHarness, count: number): Promise<readonly TaskId[]> {
  const ids: TaskId[] = [];
  for (let n = 0; n < count; n++) {
    if (n % 4 === 0) await h.clock.advance(1);
    ids.push((await h.create({ input: n })).id);
  }
  return ids;
}

/** Every page of a listing; `between` runs after each. */
async function pages(
  h: ContractHarness,
  query: ListTasks,
  between: (page: TaskPage) => Promise<unknown> = async () => {},
): Promise<readonly TaskPage[]> {
  const all: TaskPage[] = [];
  let cursor: string | undefined;
  do {
    const page = await h.store.list({ ...query, cursor });
    all.push(page);
    cursor = page.cursor;
    assert.ok(all.length < 100, "the listing ends");
    await between(page);
  } while (cursor !== undefined);
  return all;
}

export const listCases = casesOf("list", {
  async "of an empty store is one empty page"(h) {
    assert.deepEqual(await h.store.list({}), { tasks: [] });
  },

  async "tells the newest first"(h) {
    const ids: TaskId[] = [];
    for (let n = 0; n < 5; n++) {
      await h.clock.advance(10);
      ids.push((await h.create()).id);
    }
    assert.deepEqual(idsOf(await h.store.list({})), ids.toReversed());
  },

  async "keeps that order whatever happens to the tasks"(h) {
    const first = await h.running();
    await h.clock.advance(10);
    const second = await h.create();
    await h.clock.advance(10);
    await h.store.complete({ ...first, result: 1 });
    assert.deepEqual(idsOf(await h.store.list({})), [second.id, first.taskId]);
  },

  async "tells summaries"(h) {
    const { taskId } = await h.completed({ session: { actor: "ada" }, ttlMs: 60_000 });
    const { tasks } = await h.store.list({});
    assert.deepEqual(tasks, [await h.store.summary({ taskId })]);
  },

  async "filters by status"(h) {
    const byStatus = {
      working: (await h.running()).taskId,
      completed: (await h.completed()).taskId,
      failed: (await h.failed()).taskId,
      cancelled: (await h.cancelled()).taskId,
    };
    for (const status of taskStatuses) {
      const expected = status === "input_required" ? [] : [byStatus[status]];
      assert.deepEqual(idsOf(await h.store.list({ status })), expected, status);
    }
  },

  async "filters by tool"(h) {
    await h.create({ tool: "train" });
    const { id } = await h.create({ tool: "index" });
    assert.deepEqual(idsOf(await h.store.list({ tool: "index" })), [id]);
    assert.deepEqual(idsOf(await h.store.list({ tool: "inde" })), []);
  },

  async "filters by all of it together"(h) {
    const wanted = await h.completed({ owner: "ada", tool: "train" });
    await h.completed({ owner: "bob", tool: "train" });
    await h.completed({ owner: "ada", tool: "index" });
    await h.failed({ owner: "ada", tool: "train" });
    const page = await h.store.list({ owner: "ada", tool: "train", status: "completed" });
    assert.deepEqual(idsOf(page), [wanted.taskId]);
  },

  async "pages without a gap or a repetition, whatever the limit"(h) {
    await createMany(h, 24);
    const whole = idsOf(await h.store.list({ limit: 1_000 }));
    assert.equal(whole.length, 24);
    for (const limit of [1, 4, 5, 12, 23, 24, 25]) {
      const parts = await pages(h, { limit });
      assert.deepEqual(parts.flatMap(idsOf), whole, `limit ${limit}`);
      assert.equal(parts.length, Math.ceil(24 / limit), `limit ${limit}: no empty page at the end`);
      for (const part of parts.slice(0, -1)) assert.equal(part.tasks.length, limit);
    }
  },

  async "pages within a filter"(h) {
    await createMany(h, 6);
    const mine: TaskId[] = [];
    for (let n = 0; n < 9; n++) {
      await h.clock.advance(1);
      mine.push((await h.create({ owner: "bob", tool: n % 3 === 0 ? "index" : "train" })).id);
      await h.create();
    }
    const all = await pages(h, { owner: "bob", limit: 2 });
    assert.deepEqual(all.flatMap(idsOf), mine.toReversed());
    const some = await pages(h, { owner: "bob", tool: "index", limit: 2 });
    assert.deepEqual(some.flatMap(idsOf), [mine[6], mine[3], mine[0]]);
    assert.deepEqual(
      some.map((page) => page.tasks.length),
      [2, 1],
    );
  },

  async "stays stable while tasks are added"(h) {
    await createMany(h, 10);
    const before = idsOf(await h.store.list({}));
    const seen = await pages(h, { limit: 3 }, () => createMany(h, 5));
    assert.deepEqual(seen.flatMap(idsOf), before);
  },

  async "stays stable while tasks are deleted, the last one seen too"(h) {
    const keys = [];
    for (let n = 0; n < 10; n++) {
      await h.clock.advance(1);
      keys.push(await h.completed());
    }
    const before = idsOf(await h.store.list({}));
    const seen = await pages(h, { limit: 3 }, async (page) => {
      for (const { id } of page.tasks) await h.store.delete({ taskId: id });
    });
    assert.deepEqual(seen.flatMap(idsOf), before);
    assert.deepEqual(idsOf(await h.store.list({})), []);
  },

  async "stays stable while the tasks change their status"(h) {
    const ids = await createMany(h, 10);
    const seen = await pages(h, { limit: 3, status: "working" }, async (page) => {
      for (const { id } of page.tasks) await h.store.cancel({ taskId: id });
    });
    assertInAnyOrder(seen.flatMap(idsOf), ids);
  },

  async "is 100 tasks at a time where no limit is given"(h) {
    await Promise.all(Array.from({ length: 101 }, () => h.create()));
    const page = await h.store.list({});
    assert.equal(page.tasks.length, 100);
    assert.equal((await h.store.list({ cursor: page.cursor })).tasks.length, 1);
  },

  async "takes a limit of 1 to 1,000, and no other"(h) {
    await h.create();
    for (const limit of [1, 1_000]) assert.equal((await h.store.list({ limit })).tasks.length, 1);
    for (const limit of [0, -1, 1_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await refuses("INVALID_OPTION", () => h.store.list({ limit }), `limit ${limit}`);
    }
  },

  async "refuses a cursor that it did not make"(h) {
    await createMany(h, 5);
    const { cursor } = await h.store.list({ limit: 2 });
    assert.ok(cursor);
    const foreign = [
      "",
      "junk",
      "0",
      "null",
      "{}",
      "e30",
      "MTIz",
      "'; DROP TABLE tasks; --",
      "\u0000",
      "é🙂",
      `${cursor}${cursor}`,
      cursor.slice(1),
      cursor.slice(0, -4),
      "x".repeat(100_000),
    ];
    for (const junk of foreign) {
      await refuses(
        "INVALID_OPTION",
        () => h.store.list({ cursor: junk }),
        `cursor ${JSON.stringify(junk.slice(0, 40))}`,
      );
    }
    assert.equal((await h.store.list({ limit: 2, cursor })).tasks.length, 2);
  },

  async "takes a cursor again and again"(h) {
    await createMany(h, 5);
    const { cursor } = await h.store.list({ limit: 2 });
    assert.deepEqual(await h.store.list({ limit: 2, cursor }), await h.store.list({ limit: 2, cursor }));
  },
});
