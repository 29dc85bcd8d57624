/** Two processes on the same data: one executes, the other reads, submits and cancels, and takes over. */
import assert from "node:assert/strict";
import type { TaskStore } from "../../store/store.ts";
import type { TaskRecord } from "../../task/record.ts";
import { assertFields, assertInAnyOrder, eventually, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

/** The task that another process begins, once it may. */
async function claimed(h: ContractHarness, other: TaskStore): Promise<TaskRecord | undefined> {
  const tools = [{ tool: "train", slots: 1, maxCrashes: 1 }];
  let begun: readonly TaskRecord[] = [];
  await eventually(
    h,
    async () => {
      ({ begun } = await other.executor.claim({ tools, limit: 1 }));
      return begun.length > 0;
    },
    "the other process begins it",
  );
  return begun[0];
}

export const attachCases = casesOf(
  "another process",
  {
    async "sees what was committed"(h) {
      const { taskId } = await h.completed();
      const other = await h.attach();
      assert.deepEqual(await other.get({ taskId }), await h.read(taskId));
      const later = await h.create();
      assert.equal((await other.get({ taskId: later.id }))?.id, later.id);
    },

    async "submits work, which wakes the one that executes"(h) {
      let woken = 0;
      await h.execute(["train"], () => woken++);
      const other = await h.attach();
      await h.clock.advance(1_000);
      woken = 0;
      const { task } = await other.create(h.request());
      await eventually(h, () => woken > 0, "the executing process is woken");
      assertFields((await h.claim()).begun[0], { id: task.id, attempt: 1 });
    },

    async "cancels, which fences the attempt that runs elsewhere"(h) {
      const key = await h.running();
      const other = await h.attach();
      assert.equal((await other.cancel({ taskId: key.taskId }))?.cancelled, true);
      await refuses("STALE_ATTEMPT", () => h.store.complete({ ...key, result: 1 }));
    },

    async "is heard of by subscribers here"(h) {
      const { taskId } = await h.running();
      const other = await h.attach();
      await h.clock.advance(1_000);
      let heard = false;
      h.store.subscribe((change) => {
        if (change === undefined || (change.taskId === taskId && change.status === "cancelled")) heard = true;
      });
      await other.cancel({ taskId });
      await eventually(h, () => heard, "the change by another process is told");
    },

    async "shares idempotency keys"(h) {
      const { id } = await h.create({ idempotencyKey: "monday" });
      const other = await h.attach();
      const found = await other.create(h.request({ idempotencyKey: "monday" }));
      assert.deepEqual([found.created, found.task.id], [false, id]);
    },

    async "takes over when the one that executes stops"(h) {
      await h.execute();
      const other = await h.attach();
      let woken = 0;
      await other.executor.start({ tools: ["train"], wake: () => woken++ });
      const { id } = await h.create();
      await h.store.executor.stop();
      assertFields(await claimed(h, other), { id, crashes: 0 });
      assert.equal(other.executor.executes, true);
      await eventually(h, () => woken > 0, "and was woken");
    },

    async "takes over what the one that executed left running when it died"(h) {
      const dead = await h.running();
      const other = await h.attach();
      await other.executor.start({ tools: ["train"], wake: () => {} });
      await h.store.close();
      assertFields(await claimed(h, other), { id: dead.taskId, attempt: 2, crashes: 1 });
      await refuses("STALE_ATTEMPT", () => other.complete({ ...dead, result: "late" }));
    },
  },
  "attach",
);

export const exclusiveCases = casesOf(
  "another process",
  {
    async "does not execute while another does"(h) {
      await h.execute(["train"]);
      await h.create();
      const other = await h.attach();
      await other.executor.start({ tools: ["train", "index"], wake: () => {} });
      await h.clock.advance(1_000);
      assert.equal(other.executor.executes, false);
      const tools = [{ tool: "train", slots: 1, maxCrashes: 1 }];
      assert.deepEqual((await other.executor.claim({ tools, limit: 1 })).begun, []);
      assert.deepEqual(await other.executor.activeTools(), ["train"]);
      assert.equal((await h.claim()).begun.length, 1);
    },
  },
  "exclusive",
);

export const sharedCases = casesOf(
  "another process",
  {
    async "executes too, and begins what this one does not"(h) {
      await h.execute(["train"]);
      const tasks = [await h.create(), await h.create(), await h.create(), await h.create()];
      const other = await h.attach();
      await other.executor.start({ tools: ["train", "index"], wake: () => {} });
      assert.deepEqual([h.store.executor.executes, other.executor.executes], [true, true]);
      assertInAnyOrder((await h.store.executor.activeTools()) ?? [], ["train", "index"]);
      const tools = [{ tool: "train", slots: 10, maxCrashes: 1 }];
      const begun: string[] = [];
      while (begun.length < tasks.length) {
        const both = await Promise.all([h.claim({ limit: 2 }), other.executor.claim({ tools, limit: 2 })]);
        begun.push(...both.flatMap((claim) => claim.begun.map(({ id }) => id)));
      }
      assertInAnyOrder(
        begun,
        tasks.map(({ id }) => id),
      );
    },

    async "that goes leaves what runs here alone"(h) {
      const mine = await h.running();
      const other = await h.attach();
      await other.executor.start({ tools: ["train"], wake: () => {} });
      const { task } = await other.create(h.request({ begin: true }));
      await other.close();
      let again: TaskRecord | undefined;
      await eventually(
        h,
        async () => {
          [again] = (await h.claim()).begun;
          return again !== undefined;
        },
        "what it left is begun again",
      );
      assertFields(again, { id: task.id, attempt: 2, crashes: 1 });
      await h.store.complete({ ...mine, result: "done" });
    },
  },
  "shared",
);
