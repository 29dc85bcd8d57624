import assert from "node:assert/strict";
import type { CreateTask } from "../../store/store.ts";
import { newTaskId } from "../../task/id.ts";
import { assertInAnyOrder, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";
import { everyInterleaving } from "./interleaving.ts";

/** A call that waits for its result. */
const call = (h: ContractHarness, given: Partial<CreateTask> = {}) =>
  h.store.create(h.request({ rejoinKey: "train {epochs: 3}", ...given }));

/** The task of a call whose caller was lost. */
async function lostCall(h: ContractHarness, given: Partial<CreateTask> = {}) {
  const { task } = await call(h, given);
  await h.store.stopWaiting({ taskId: task.id, caller: "lost" });
  return task;
}

export const rejoinCases = casesOf("rejoin", {
  async "joins the open task whose caller was lost"(h) {
    const lost = await lostCall(h);
    const { created, task } = await call(h);
    assert.equal(created, false);
    assert.deepEqual(task, await h.read(lost.id));
  },

  async "joins a task that runs, without beginning another attempt"(h) {
    const lost = await lostCall(h);
    const key = await h.beginAgain(lost.id);
    await leavesUnchanged(h, lost.id, async () => {
      const { created, task } = await call(h, { begin: true });
      assert.deepEqual([created, task.id, task.attempt], [false, lost.id, key.attempt]);
    });
    await h.store.complete({ ...key, result: 1 });
  },

  async "makes another task while the first is waited for"(h) {
    const first = await call(h);
    const second = await call(h);
    assert.deepEqual([first.created, second.created], [true, true]);
    assert.notEqual(first.task.id, second.task.id);
  },

  async "is for one call: the task is waited for again"(h) {
    const lost = await lostCall(h);
    assert.equal((await call(h)).created, false);
    assert.equal((await call(h)).created, true);
    await h.store.stopWaiting({ taskId: lost.id, caller: "lost" });
    assert.equal((await call(h)).task.id, lost.id);
  },

  async "is not for a task that its caller was told of"(h) {
    const { task } = await call(h);
    await h.store.stopWaiting({ taskId: task.id, caller: "told" });
    assert.equal((await call(h)).created, true);
    await h.store.stopWaiting({ taskId: task.id, caller: "lost" });
    assert.notEqual((await call(h)).task.id, task.id);
  },

  async "is not for a task that has ended"(h) {
    const completed = await lostCall(h);
    await h.store.complete({ ...(await h.beginAgain(completed.id)), result: 1 });
    assert.equal((await call(h)).created, true);
    const cancelled = await lostCall(h, { rejoinKey: "another" });
    await h.store.cancel({ taskId: cancelled.id });
    assert.equal((await call(h, { rejoinKey: "another" })).created, true);
  },

  async "is for the same owner, tool and key alone"(h) {
    await lostCall(h);
    for (const other of [
      { owner: "bob" },
      { tool: "index" },
      { rejoinKey: "another" },
      { rejoinKey: undefined },
    ]) {
      assert.equal((await call(h, other)).created, true, JSON.stringify(other));
    }
  },

  async "gives way to an idempotency key"(h) {
    const named = await h.create({ idempotencyKey: "monday" });
    const lost = await lostCall(h);
    const found = await call(h, { idempotencyKey: "monday" });
    assert.deepEqual([found.created, found.task.id], [false, named.id]);
    assert.equal((await call(h)).task.id, lost.id, "nobody has joined it meanwhile");
  },

  async "changes nothing of what the record tells"(h) {
    const { task } = await call(h);
    for (const caller of ["lost", "told"] as const) {
      await leavesUnchanged(h, task.id, () => h.store.stopWaiting({ taskId: task.id, caller }));
    }
  },

  async "has nothing to stop of a task that nobody waited for"(h) {
    const unwaited = await h.create();
    await h.store.stopWaiting({ taskId: unwaited.id, caller: "lost" });
    assert.equal((await call(h)).created, true);
    await h.store.stopWaiting({ taskId: newTaskId(h.clock.now()), caller: "lost" });
    const { taskId } = await h.completed();
    await leavesUnchanged(h, taskId, () => h.store.stopWaiting({ taskId, caller: "told" }));
  },

  async "of two calls at once: one joins, the other is a new one"(h) {
    let round = 0;
    await everyInterleaving(async (together) => {
      const rejoinKey = `round ${round++}`;
      await lostCall(h, { rejoinKey });
      const outcomes = await together(
        () => call(h, { rejoinKey }),
        () => call(h, { rejoinKey }),
      );
      assertInAnyOrder(
        outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value.created),
        [false, true],
      );
    });
  },
});

export const rejoinAfterDeathCases = casesOf(
  "rejoin",
  {
    async "joins what a dead process had its callers wait for"(h) {
      await h.execute();
      const { task } = await call(h, { begin: true });
      await h.crash();
      const { created, task: joined } = await call(h);
      assert.deepEqual([created, joined.id], [false, task.id]);
    },

    async "does not join what a dead process had told its callers of"(h) {
      await h.execute();
      const { task } = await call(h);
      await h.store.stopWaiting({ taskId: task.id, caller: "told" });
      await h.crash();
      assert.equal((await call(h)).created, true);
    },
  },
  "reopen",
);
