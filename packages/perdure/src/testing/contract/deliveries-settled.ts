/** How the outbox is emptied: leased, settled, claimed, kept. */
import assert from "node:assert/strict";
import type { TaskId } from "../../task/id.ts";
import { casesOf } from "./contract.ts";
import { assertFields, assertInAnyOrder, leavesUnchanged } from "./assertions.ts";
import { always, down, unclaimed, withOutbox } from "./outbox.ts";

export const settledDeliveryCases = [
  ...casesOf("deliveries: lease", {
    "takes a session's backlog as one message, ends in their order": withOutbox(async (h, outbox) => {
      const keys: string[] = [];
      for (let n = 0; n < 3; n++) {
        keys.push(`${(await outbox.completed()).taskId}-end`);
        await h.clock.advance(1);
      }
      const { entries, key, failures } = await outbox.one();
      assert.deepEqual(
        entries.map((entry) => entry.key),
        keys,
      );
      assert.match(key, /^[A-Za-z0-9-]{33,120}$/);
      assert.equal(failures, 0);
    }),

    "takes at most so many entries, and the rest next": withOutbox(async (_h, outbox) => {
      for (let n = 0; n < 5; n++) await outbox.completed();
      const first = await outbox.one({ entries: 3 });
      assert.equal(first.entries.length, 3);
      assert.deepEqual(await outbox.lease(), [], "one message at a time");
      await outbox.delivered(first);
      assert.equal((await outbox.one({ entries: 3 })).entries.length, 2);
    }),

    "keeps sessions apart, by all that names them": withOutbox(async (_h, outbox) => {
      for (const session of [
        { session: "s-1" },
        { session: "s-2" },
        { session: "s-1", actor: "a" },
        { actor: "a", session: "s-1" },
        { session: "s-1", memory: "m" },
      ]) {
        await outbox.completed({ session });
      }
      const messages = await outbox.lease();
      assertInAnyOrder(
        messages.map(({ entries }) => entries.length),
        [1, 1, 1, 2],
      );
    }),

    "takes at most so many messages, the longest due first": withOutbox(async (h, outbox) => {
      for (const name of ["a", "b", "c"]) {
        await outbox.completed({ session: { session: name } });
        await h.clock.advance(1);
      }
      const leased = await outbox.lease({ limit: 2 });
      assert.deepEqual(
        leased.map(({ session }) => session.session),
        ["a", "b"],
      );
      assert.deepEqual(
        (await outbox.lease({ limit: 2 })).map(({ session }) => session.session),
        ["c"],
      );
    }),

    "is nobody else's until it is over, and then the same message": withOutbox(async (h, outbox) => {
      await outbox.completed();
      const first = await outbox.one({ by: "p1", forMs: 5_000 });
      await outbox.completed();
      assert.deepEqual(await outbox.lease({ by: "p2" }), []);
      assert.equal(await h.store.deliveries.nextDueMs(), 5_000);
      await h.clock.advance(5_000);
      const again = await outbox.one({ by: "p2" });
      assert.deepEqual({ ...again, by: "p1" }, first, "it has not grown");
    }),

    "of a message is given back": withOutbox(async (h, outbox) => {
      await outbox.completed();
      const first = await outbox.one();
      await h.store.deliveries.release(first);
      assert.deepEqual(await outbox.one(), first);
    }),

    "finds nothing before the grace": withOutbox(async (h, outbox) => {
      await outbox.completed({ delivery: unclaimed });
      assert.equal(await h.store.deliveries.nextDueMs(), 30_000);
      await h.clock.advance(29_999);
      assert.deepEqual(await outbox.lease(), []);
      await h.clock.advance(1);
      assert.equal(await h.store.deliveries.nextDueMs(), 0);
      assert.equal((await outbox.one()).entries.length, 1);
    }),

    "gives up what waited too long, and says why": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed({ delivery: { ...always, keepMs: 1_000 } });
      await outbox.settle(await outbox.one(), { outcome: "failed", failure: down, delayMs: 500 });
      await h.clock.advance(1_000);
      assert.deepEqual(await outbox.lease(), []);
      assertFields((await h.store.timeline({ taskId })).at(-1), {
        type: "undelivered",
        kind: "end",
        failure: { kind: "given-up", message: "unavailable: no answer" },
      });
      const { delivery } = await h.read(taskId);
      assertFields(delivery, { undelivered: { kind: "given-up", message: "unavailable: no answer" } });
      assert.equal(await h.store.deliveries.nextDueMs(), undefined);
    }),

    "is told of, where it may be due": withOutbox(async (h, outbox) => {
      const told: string[] = [];
      const key = await outbox.running();
      const end = h.store.deliveries.subscribe(() => told.push("told"));
      assert.deepEqual(told, []);
      await h.store.complete({ ...key, result: 1 });
      assert.equal(told.at(0), "told");
      end();
      const before = told.length;
      await outbox.completed();
      assert.equal(told.length, before);
    }),
  }),

  ...casesOf("deliveries: settle", {
    "delivered: the entries are gone, and in the timeline": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed();
      await outbox.delivered(await outbox.one(), 4_000);
      assert.deepEqual(await outbox.pending(taskId), []);
      assertFields((await h.store.timeline({ taskId })).at(-1), {
        type: "delivered",
        kind: "end",
        key: `${taskId}-end`,
      });
      assertFields(await h.read(taskId), {
        status: "completed",
        delivery: { ...always, deliveredAt: h.clock.now() },
      });
    }),

    "delivered: the session's next is not before its pace": withOutbox(async (h, outbox) => {
      await outbox.completed();
      await outbox.delivered(await outbox.one(), 4_000);
      assert.equal(await h.store.deliveries.nextDueMs(), undefined);
      await h.clock.advance(1_000);
      await outbox.completed();
      assert.equal(await h.store.deliveries.nextDueMs(), 3_000);
      assert.deepEqual(await outbox.lease(), []);
      await h.clock.advance(3_000);
      assert.equal((await outbox.one()).entries.length, 1);
    }),

    "failed: the same message again, after the delay": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed();
      const first = await outbox.one();
      assert.equal(await outbox.settle(first, { outcome: "failed", failure: down, delayMs: 2_000 }), true);
      await outbox.completed();
      assert.equal(await h.store.deliveries.nextDueMs(), 2_000);
      assertFields((await h.store.deliveries.pending({ taskId }))[0], { failures: 1, failure: down });
      await h.clock.advance(2_000);
      assert.deepEqual(await outbox.one(), { ...first, failures: 1 });
    }),

    "failed: many failures are few events": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed();
      for (let n = 0; n < 40; n++) {
        await outbox.settle(await outbox.one(), { outcome: "failed", failure: down, delayMs: 0 });
      }
      const told = (await h.store.timeline({ taskId })).flatMap((event) =>
        event.type === "delivery_failed" ? [event.failures] : [],
      );
      assert.deepEqual(told, [1, 2, 4, 8, 16, 32]);
    }),

    "refused: it is recorded, and the result stays where it is": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed();
      const refused = { kind: "refused", message: "too long" } as const;
      await outbox.settle(await outbox.one(), { outcome: "refused", failure: refused, paceMs: 0 });
      assert.deepEqual(await outbox.lease(), []);
      assertFields((await h.store.timeline({ taskId })).at(-1), { type: "undelivered", failure: refused });
      assertFields(await h.read(taskId), {
        result: { loss: 0.25 },
        delivery: { ...always, undelivered: refused },
      });
    }),

    "refused, of several entries: each is tried alone": withOutbox(async (_h, outbox) => {
      for (let n = 0; n < 3; n++) await outbox.completed();
      const together = await outbox.one();
      const refused = { kind: "refused", message: "one is bad" } as const;
      await outbox.settle(together, { outcome: "refused", failure: refused, paceMs: 0 });
      const alone: string[] = [];
      for (let n = 0; n < 3; n++) {
        const message = await outbox.one();
        assert.equal(message.entries.length, 1);
        assert.equal(message.key, message.entries[0]?.key);
        alone.push(message.key);
        await outbox.settle(
          message,
          n === 1 ? { outcome: "refused", failure: refused, paceMs: 0 } : { outcome: "delivered", paceMs: 0 },
        );
      }
      assert.deepEqual(
        alone,
        together.entries.map(({ key }) => key),
      );
      assert.deepEqual(await outbox.lease(), []);
    }),

    "by a process whose lease was lost counts only where it was delivered": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed();
      const first = await outbox.one({ by: "p1", forMs: 1_000 });
      await h.clock.advance(1_000);
      const second = await outbox.one({ by: "p2" });
      assert.equal(await outbox.settle(first, { outcome: "failed", failure: down, delayMs: 0 }), false);
      assert.equal(await outbox.settle(first, { outcome: "delivered", paceMs: 0 }), true);
      assert.equal(await outbox.settle(second, { outcome: "delivered", paceMs: 0 }), false);
      assert.deepEqual(
        (await h.life(taskId)).filter((type) => type === "delivered"),
        ["delivered"],
      );
    }),
  }),

  ...casesOf("deliveries: claimEnd", {
    "within the grace: it is not delivered": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed({ delivery: unclaimed });
      await h.clock.advance(29_999);
      assert.equal(await h.store.deliveries.claimEnd({ taskId }), true);
      assertFields((await h.read(taskId)).delivery, { claimedAt: h.clock.now() });
      assert.equal((await h.life(taskId)).at(-1), "claimed");
      await h.clock.advance(60_000);
      assert.deepEqual(await outbox.lease(), []);
      assert.equal(await h.store.deliveries.nextDueMs(), undefined);
    }),

    "too late, twice, always, before the end, or of no delivery: nothing": withOutbox(async (h, outbox) => {
      const claims = async (taskId: TaskId) => {
        await leavesUnchanged(h, taskId, async () => {
          assert.equal(await h.store.deliveries.claimEnd({ taskId }), false);
        });
      };
      const late = await outbox.completed({ delivery: unclaimed });
      await h.clock.advance(30_000);
      await claims(late.taskId);
      const twice = await outbox.completed({ delivery: unclaimed });
      await h.store.deliveries.claimEnd(twice);
      await claims(twice.taskId);
      await claims((await outbox.completed()).taskId);
      await claims((await outbox.running({ delivery: unclaimed })).taskId);
      await claims((await h.completed()).taskId);
      assert.equal(await h.store.deliveries.claimEnd({ taskId: "unknown" as TaskId }), false);
    }),
  }),

  ...casesOf("deliveries: kept", {
    "a task does not expire before its end is settled, and then after its ttl": withOutbox(
      async (h, outbox) => {
        const { taskId } = await outbox.completed({ ttlMs: 1_000 });
        await h.clock.advance(60_000);
        await h.store.deleteExpired({ limit: 10 });
        await outbox.delivered(await outbox.one());
        assertFields(await h.read(taskId), { expiresAt: h.clock.now() + 1_000 });
        await h.clock.advance(1_000);
        assert.equal(await h.store.deleteExpired({ limit: 10 }), 1);
      },
    ),

    "no longer than deliveries are": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed({ ttlMs: 1_000, delivery: { ...always, keepMs: 5_000 } });
      assertFields(await h.read(taskId), { expiresAt: h.clock.now() + 5_000 });
      await h.clock.advance(5_000);
      assert.equal(await h.store.deleteExpired({ limit: 10 }), 1);
      assert.deepEqual(await outbox.lease(), []);
    }),

    "for ever, where the task is": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.completed();
      assertFields(await h.read(taskId), { expiresAt: undefined });
      await outbox.delivered(await outbox.one());
      assertFields(await h.read(taskId), { expiresAt: undefined });
    }),

    "not beyond its task: what is deleted is not delivered": withOutbox(async (h, outbox) => {
      const [first, second] = [await outbox.completed(), await outbox.completed()];
      const message = await outbox.one();
      await h.store.delete({ taskId: first.taskId });
      await outbox.settle(message, { outcome: "failed", failure: down, delayMs: 0 });
      const again = await outbox.one();
      assert.equal(again.key, message.key);
      assert.deepEqual(
        again.entries.map(({ taskId }) => taskId),
        [second.taskId],
      );
      await h.store.delete({ taskId: second.taskId });
      await outbox.settle(again, { outcome: "failed", failure: down, delayMs: 0 });
      assert.deepEqual(await outbox.lease(), []);
      assert.equal(await h.store.deliveries.nextDueMs(), undefined);
    }),
  }),

  ...casesOf(
    "deliveries: after a crash",
    {
      "what was under way is due at once for whoever takes over, however long its lease": withOutbox(
        async (h, outbox) => {
          await outbox.completed();
          const before = await outbox.one({ by: "p1", forMs: 3_600_000 });
          await h.crash();
          await h.claim();
          assert.equal(await h.store.deliveries.nextDueMs(), 0);
          assert.deepEqual(await outbox.one({ by: "p2" }), { ...before, by: "p2" });
        },
      ),

      "what was committed is delivered, and what was under way is the same message": withOutbox(
        async (h, outbox) => {
          await outbox.completed();
          const before = await outbox.one();
          await outbox.completed({ session: { session: "s-2" } });
          await h.crash();
          await h.clock.advance(60_000);
          const after = await outbox.lease();
          assert.equal(after.length, 2);
          assert.deepEqual(
            after.find(({ key }) => key === before.key),
            before,
          );
        },
      ),
    },
    "reopen",
  ),

  ...casesOf(
    "deliveries: of other processes",
    {
      "an end that another process decides is put in as well": withOutbox(async (h, outbox) => {
        const { taskId } = await outbox.running();
        const other = await h.attach();
        await other.cancel({ taskId });
        assert.deepEqual(await outbox.drain(), [`${taskId}-end`]);
      }),

      "a claim by another process counts": withOutbox(async (h, outbox) => {
        const { taskId } = await outbox.completed({ delivery: unclaimed });
        const other = await h.attach();
        assert.equal(await other.deliveries.claimEnd({ taskId }), true);
        await h.clock.advance(60_000);
        assert.deepEqual(await outbox.lease(), []);
      }),
    },
    "attach",
  ),
];
