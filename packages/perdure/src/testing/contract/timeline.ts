import assert from "node:assert/strict";
import type { TimelineEvent } from "../../task/record.ts";
import { assertFields } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";

/** A task to which something of everything happens, each thing 10 ms after the one before. */
async function fullLife(h: ContractHarness) {
  const later = () => h.clock.advance(10);
  const { id } = await h.create();
  await later();
  const first = await h.beginAgain(id);
  await later();
  await h.store.report({ ...first, progress: { done: 1 }, logs: [{ level: "info", message: "loading" }] });
  await later();
  await h.store.recordOperation({ ...first, name: "load", kind: "step", state: "done", value: 1 });
  await later();
  await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
  await later();
  const second = await h.beginAgain(id);
  await later();
  await h.store.release(second);
  await later();
  const third = await h.beginAgain(id);
  await later();
  await h.store.complete({ ...third, result: "done" });
  return third;
}

const types = (events: readonly TimelineEvent[]) => events.map((event) => event.type);

export const timelineCases = casesOf("timeline", {
  async "tells the whole life, in order, with its times"(h) {
    const start = h.clock.now();
    const { taskId } = await fullLife(h);
    const events = await h.store.timeline({ taskId });
    assert.deepEqual(types(events), [
      "created",
      "begun",
      "log",
      "operation",
      "retry",
      "begun",
      "released",
      "begun",
      "completed",
    ]);
    assert.deepEqual(
      events.map((event) => event.at - start),
      [0, 10, 20, 30, 40, 50, 60, 70, 80],
    );
    assert.deepEqual(
      events.flatMap((event) => (event.type === "begun" ? [event.attempt] : [])),
      [1, 2, 3],
    );
  },

  async "numbers the events with rising revisions, up to the record's own"(h) {
    const { taskId } = await fullLife(h);
    const revisions = (await h.store.timeline({ taskId })).map((event) => event.revision);
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].toSorted((a, b) => a - b),
      "they rise, and none is there twice",
    );
    assert.equal((await h.read(taskId)).revision, revisions.at(-1));
  },

  async "tells what came after a revision"(h) {
    const { taskId } = await fullLife(h);
    const events = await h.store.timeline({ taskId });
    assert.deepEqual(await h.store.timeline({ taskId, after: 0 }), events);
    for (const [n, { revision }] of events.entries()) {
      assert.deepEqual(await h.store.timeline({ taskId, after: revision }), events.slice(n + 1));
    }
    assert.deepEqual(await h.store.timeline({ taskId, after: 1_000_000 }), []);
  },

  async "pages without a gap or a repetition, whatever the limit"(h) {
    const key = await h.running();
    await h.store.report({
      ...key,
      logs: Array.from({ length: 10 }, (_, n) => ({ level: "info", message: `${n}` })),
    });
    await h.store.complete({ ...key, result: 1 });
    const whole = await h.store.timeline({ taskId: key.taskId });
    assert.equal(whole.length, 13);
    for (const limit of [1, 2, 3, 5, 13]) {
      const seen: TimelineEvent[] = [];
      for (;;) {
        const page = await h.store.timeline({ taskId: key.taskId, after: seen.at(-1)?.revision ?? 0, limit });
        assert.ok(page.length <= limit, `limit ${limit}`);
        if (page.length === 0) break;
        assert.ok(seen.length < whole.length, `limit ${limit}: it ends`);
        seen.push(...page);
      }
      assert.deepEqual(seen, whole, `limit ${limit}`);
    }
  },

  async "is 1,000 events at a time where no limit is given"(h) {
    const key = await h.running();
    await h.store.report({
      ...key,
      logs: Array.from({ length: 1_001 }, (_, n) => ({ level: "debug", message: `${n}` })),
    });
    const first = await h.store.timeline({ taskId: key.taskId });
    assert.equal(first.length, 1_000);
    const rest = await h.store.timeline({ taskId: key.taskId, after: first.at(-1)?.revision ?? 0 });
    assert.deepEqual(types(rest), ["log", "log", "log"]);
    assertFields(rest.at(-1), { message: "1000" });
  },

  async "belongs to one task"(h) {
    const [first, second] = [await h.running(), await h.create()];
    assert.deepEqual(await h.life(first.taskId), ["created", "begun"]);
    assert.deepEqual(await h.life(second.id), ["created"]);
  },

  async "rises by one at a time for a caller who watches the record"(h) {
    const revisions: number[] = [];
    const { id } = await h.create();
    const look = async () => void revisions.push((await h.read(id)).revision);
    await look();
    const key = await h.beginAgain(id);
    await look();
    await h.store.report({ ...key, progress: { done: 1 } });
    await look();
    await h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 });
    await look();
    await h.store.release(key);
    await look();
    await h.store.cancel({ taskId: id });
    await look();
    assert.deepEqual(revisions, [1, 2, 3, 4, 5, 6]);
  },
});
