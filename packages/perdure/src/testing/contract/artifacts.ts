import assert from "node:assert/strict";
import type { AttemptKey } from "../../store/store.ts";
import { failure } from "./harness.ts";
import { refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

const value = { name: "model", mediaType: "application/zip", size: 3, sha256: "ab" };

async function begin(h: ContractHarness, key: AttemptKey, name = "model"): Promise<void> {
  await h.store.recordOperation({ ...key, name, kind: "artifact", state: "attempted", tries: 0, delayMs: 0 });
}

async function record(h: ContractHarness, key: AttemptKey, name = "model"): Promise<void> {
  await h.store.recordOperation({ ...key, name, kind: "artifact", state: "done", value });
}

async function sweptTasks(h: ContractHarness): Promise<readonly string[]> {
  return (await h.store.artifactSweeps({ limit: 100 })).map((sweep) => sweep.taskId);
}

async function finishSweeps(h: ContractHarness): Promise<void> {
  for (const sweep of await h.store.artifactSweeps({ limit: 100 })) await h.store.artifactsSwept(sweep);
}

export const artifactCases = casesOf("artifacts", {
  async "are operations, recorded once and counted when they are whole"(h) {
    const key = await h.running();
    await begin(h, key);
    assert.equal((await h.read(key.taskId)).artifacts, undefined);
    await record(h, key);
    await begin(h, key, "log");
    await record(h, key, "log");
    assert.equal((await h.read(key.taskId)).artifacts, 2);
    const operations = await h.store.operations(key);
    assert.deepEqual(
      operations.map((operation) => [operation.name, operation.kind, operation.state, operation.attempt]),
      [
        ["model", "artifact", "done", 1],
        ["log", "artifact", "done", 1],
      ],
    );
    await refuses("STEP_MISMATCH", () => record(h, key));
    assert.equal((await h.read(key.taskId)).artifacts, 2, "what was refused does not count");
  },

  async "are counted in the list and the summary too"(h) {
    const key = await h.running();
    await record(h, key);
    assert.equal((await h.store.summary(key))?.artifacts, 1);
    assert.equal((await h.store.list({})).tasks[0]?.artifacts, 1);
  },

  async "of an older attempt are refused"(h) {
    const key = await h.running();
    await begin(h, key);
    await h.store.retry({ ...key, failure: failure(), delayMs: 0 });
    const next = await h.beginAgain(key.taskId);
    await refuses("STALE_ATTEMPT", () => record(h, key));
    await record(h, next);
    assert.equal((await h.store.operations(key))[0]?.attempt, 2);
  },
});

export const artifactSweepCases = casesOf("the outbox of artifacts to sweep", {
  async "has nothing of tasks without any"(h) {
    await h.completed({ ttlMs: 1_000 });
    const key = await h.completed();
    await h.store.delete(key);
    await h.clock.advance(1_000);
    await h.store.deleteExpired({ limit: 9 });
    assert.deepEqual(await sweptTasks(h), []);
  },

  async "has a task from its end on, however it ends"(h) {
    const keys: AttemptKey[] = [];
    for (let n = 0; n < 4; n++) {
      const key = await h.running({ deadlineMs: 5_000 });
      await begin(h, key);
      keys.push(key);
    }
    const [completed, failed, cancelled, overdue] = keys as [AttemptKey, AttemptKey, AttemptKey, AttemptKey];
    assert.deepEqual(await sweptTasks(h), []);
    await h.store.complete({ ...completed, result: 1 });
    await h.store.fail({ ...failed, failure: failure() });
    await h.store.cancel(cancelled);
    await h.clock.advance(5_000);
    await h.store.failOverdue({ limit: 9 });
    assert.deepEqual(
      await sweptTasks(h),
      [completed, failed, cancelled, overdue].map(({ taskId }) => taskId),
    );
  },

  async "remembers what was begun before a retry"(h) {
    const key = await h.running();
    await begin(h, key);
    await h.store.retry({ ...key, failure: failure(), delayMs: 0 });
    const next = await h.beginAgain(key.taskId);
    await h.store.complete({ ...next, result: 1 });
    assert.deepEqual(await sweptTasks(h), [key.taskId]);
  },

  async "has a task again when it is deleted, or expires"(h) {
    const [deleted, expiring] = [await h.running(), await h.running({ ttlMs: 1_000 })];
    for (const key of [deleted, expiring]) {
      await record(h, key);
      await h.store.complete({ ...key, result: 1 });
    }
    await finishSweeps(h);
    assert.deepEqual(await sweptTasks(h), []);
    await h.store.delete(deleted);
    assert.deepEqual(await sweptTasks(h), [deleted.taskId]);
    await h.clock.advance(1_000);
    assert.equal(await h.store.deleteExpired({ limit: 9 }), 1);
    assert.deepEqual(await sweptTasks(h), [deleted.taskId, expiring.taskId]);
  },

  async "has a task that gives way to a new one of its idempotency key"(h) {
    const key = await h.running({ ttlMs: 1_000, idempotencyKey: "monday" });
    await record(h, key);
    await h.store.complete({ ...key, result: 1 });
    await finishSweeps(h);
    await h.clock.advance(1_000);
    await h.create({ idempotencyKey: "monday" });
    assert.deepEqual(await sweptTasks(h), [key.taskId]);
  },

  async "loses no entry that comes while an earlier one of the task is worked off"(h) {
    const key = await h.running();
    await record(h, key);
    await h.store.complete({ ...key, result: 1 });
    const [first] = await h.store.artifactSweeps({ limit: 9 });
    assert.ok(first);
    await h.store.delete(key);
    await h.store.artifactsSwept(first);
    assert.deepEqual(await sweptTasks(h), [key.taskId]);
    await finishSweeps(h);
    await h.store.artifactsSwept(first);
    assert.deepEqual(await sweptTasks(h), []);
  },

  async "is read in its order, a part at a time"(h) {
    for (let n = 0; n < 5; n++) {
      const key = await h.running();
      await record(h, key);
      await h.store.complete({ ...key, result: 1 });
    }
    const all = await h.store.artifactSweeps({ limit: 100 });
    const first = await h.store.artifactSweeps({ limit: 2 });
    const rest = await h.store.artifactSweeps({ after: first[1]?.id ?? 0, limit: 100 });
    assert.deepEqual([...first, ...rest], all);
    assert.equal(all.length, 5);
  },
});

export const artifactSweepsAfterCrashCases = casesOf(
  "the outbox of artifacts to sweep, after a crash",
  {
    async "still has what was not worked off"(h) {
      const key = await h.running();
      await record(h, key);
      await h.store.complete({ ...key, result: 1 });
      await finishSweeps(h);
      await h.store.delete(key);
      await h.reopen();
      assert.deepEqual(await sweptTasks(h), [key.taskId]);
    },
  },
  "reopen",
);
