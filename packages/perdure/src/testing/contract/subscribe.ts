import assert from "node:assert/strict";
import type { TaskChange } from "../../store/store.ts";
import { settle } from "../manual-clock.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";

/** The changes so far, of one task or of all; forgets them as it tells them. */
function watch(h: ContractHarness) {
  const changes: TaskChange[] = [];
  const unsubscribe = h.store.subscribe((change) => {
    if (change !== undefined) changes.push(change);
  });
  return {
    unsubscribe,
    async all(): Promise<readonly TaskChange[]> {
      await settle();
      return changes.splice(0);
    },
    async of(taskId: string): Promise<readonly TaskChange[]> {
      return (await this.all()).filter((change) => change.taskId === taskId);
    },
  };
}

export const subscribeCases = casesOf("subscribe", {
  async "tells of every transition, with its revision and status"(h) {
    await h.execute();
    const changes = watch(h);
    const { id } = await h.create();
    let revision = 0;
    const told = async (what: string) => {
      const last = (await changes.of(id)).at(-1);
      const record = await h.read(id);
      assert.ok(last, `${what} is told`);
      const { attempt, revision: now, status } = record;
      assert.deepEqual(last, { taskId: id, attempt, revision: now, status }, what);
      assert.ok(last.revision > revision, `${what} raises the revision`);
      revision = last.revision;
    };
    await told("create");
    const first = await h.beginAgain(id);
    await told("begin");
    await h.store.report({ ...first, progress: { done: 1 } });
    await told("progress");
    await h.store.report({ ...first, logs: [{ level: "info", message: "loading" }] });
    await told("log");
    await h.store.recordOperation({ ...first, name: "load", kind: "step", state: "done", value: 1 });
    await told("recordOperation");
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    await told("retry");
    const second = await h.beginAgain(id);
    await h.store.release(second);
    await told("release");
    await h.claim();
    await told("claim");
    await h.store.complete({ taskId: id, attempt: 3, result: 1 });
    await told("complete");
  },

  async "tells of every end"(h) {
    await h.execute();
    const changes = watch(h);
    const failed = await h.failed();
    assert.equal((await changes.of(failed.taskId)).at(-1)?.status, "failed");
    const cancelled = await h.cancelled();
    assert.equal((await changes.of(cancelled.taskId)).at(-1)?.status, "cancelled");
    const overdue = await h.running({ deadlineMs: 1_000 });
    await h.clock.advance(1_001);
    await h.store.failOverdue({ limit: 10 });
    assert.equal((await changes.of(overdue.taskId)).at(-1)?.status, "failed");
  },

  async "tells after the commit: who is told finds at least that"(h) {
    await h.execute();
    const reads: Promise<void>[] = [];
    h.store.subscribe((change) => {
      if (change === undefined) return;
      reads.push(
        h.store.summary({ taskId: change.taskId }).then((summary) => {
          assert.ok(summary && summary.revision >= change.revision);
        }),
      );
    });
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const key = await h.running();
        await h.store.report({ ...key, progress: { done: 1 } });
        await h.store.complete({ ...key, result: 1 });
      }),
    );
    await settle();
    assert.ok(reads.length >= 10);
    await Promise.all(reads);
  },

  async "tells revisions of one task in rising order"(h) {
    await h.execute();
    const changes = watch(h);
    const key = await h.running();
    await Promise.all([
      h.store.report({ ...key, progress: { done: 1 } }),
      h.store.report({ ...key, progress: { done: 2 } }),
      h.store.complete({ ...key, result: 1 }),
    ]);
    const told = await changes.of(key.taskId);
    const revisions = told.map((change) => change.revision);
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
    assert.deepEqual(told.at(-1), {
      ...key,
      revision: (await h.read(key.taskId)).revision,
      status: "completed",
    });
  },

  async "is silent about what was refused, found or read"(h) {
    const key = await h.completed({ idempotencyKey: "monday" });
    const running = await h.running();
    const step = { ...running, name: "load", kind: "step", state: "done", value: 1 } as const;
    await h.store.recordOperation(step);
    await settle();
    const changes = watch(h);
    await Promise.allSettled([
      h.store.complete({ ...key, result: "again" }),
      h.store.cancel({ taskId: key.taskId }),
      h.store.create(h.request({ idempotencyKey: "monday" })),
      h.store.create(h.request({ idempotencyKey: "monday", input: "another" })),
      h.store.recordOperation(step),
      h.store.delete({ taskId: running.taskId }),
      h.store.saveState({ ...running, state: Number.NaN }),
      h.begin(key.taskId),
      h.everything(key.taskId),
      h.store.list({}),
    ]);
    assert.deepEqual(await changes.all(), []);
  },

  async "ends with the unsubscription, for this listener alone"(h) {
    const [first, second] = [watch(h), watch(h)];
    first.unsubscribe();
    first.unsubscribe();
    const { id } = await h.create();
    assert.equal((await first.of(id)).length, 0);
    assert.equal((await second.of(id)).length, 1);
  },
});
