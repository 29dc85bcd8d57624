import assert from "node:assert/strict";
import type { LeaseDeliveries, LeasedMessage, SettleDelivery } from "../../store/deliveries.ts";
import type { AttemptKey, CreateTask, TaskStore } from "../../store/store.ts";
import type { TaskId } from "../../task/id.ts";
import type { DeliveryFailure, DeliveryPolicy } from "../../task/record.ts";
import { assertFields, assertInAnyOrder, leavesUnchanged, refuses } from "./assertions.ts";
import { call } from "./calls.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";

const always: DeliveryPolicy = { mode: "always", graceMs: 0, keepMs: 86_400_000 };
const unclaimed: DeliveryPolicy = { mode: "unclaimed", graceMs: 30_000, keepMs: 86_400_000 };
const down: DeliveryFailure = { kind: "unavailable", message: "no answer" };

/** What a case works with: tasks of one session, and a process that delivers. */
class Outbox {
  readonly #h: ContractHarness;

  constructor(h: ContractHarness) {
    this.#h = h;
  }

  given(given: Partial<CreateTask> = {}): Partial<CreateTask> {
    return { session: { session: "s-1" }, delivery: always, ...given };
  }

  running(given: Partial<CreateTask> = {}): Promise<AttemptKey> {
    return this.#h.running(this.given(given));
  }

  completed(given: Partial<CreateTask> = {}): Promise<AttemptKey> {
    return this.#h.completed(this.given(given));
  }

  async remember(key: AttemptKey, text: string): Promise<void> {
    await this.#h.store.recordOperation({ ...key, name: text, kind: "remember", state: "done", value: text });
  }

  lease(
    given: Partial<LeaseDeliveries> = {},
    store: TaskStore = this.#h.store,
  ): Promise<readonly LeasedMessage[]> {
    return store.deliveries.lease({ by: "p1", forMs: 60_000, limit: 10, entries: 10, ...given });
  }

  /** The one message that is due. */
  async one(given: Partial<LeaseDeliveries> = {}): Promise<LeasedMessage> {
    const [message, ...others] = await this.lease(given);
    assert.ok(message, "a message is due");
    assert.deepEqual(others, [], "only one");
    return message;
  }

  async delivered(message: LeasedMessage, paceMs = 0): Promise<void> {
    assert.equal(await this.settle(message, { outcome: "delivered", paceMs }), true);
  }

  settle(message: LeasedMessage, outcome: OutcomeOf): Promise<boolean> {
    return this.#h.store.deliveries.settle({ ...message, ...outcome });
  }

  /** Delivers all that is due, and says what came, in order. */
  async drain(): Promise<string[]> {
    const keys: string[] = [];
    for (;;) {
      const messages = await this.lease();
      if (messages.length === 0) return keys;
      for (const message of messages) {
        keys.push(...message.entries.map((entry) => entry.key));
        await this.delivered(message);
      }
    }
  }

  async pending(taskId: TaskId): Promise<string[]> {
    return (await this.#h.store.deliveries.pending({ taskId })).map(({ key }) => key);
  }
}

type OutcomeOf = SettleDelivery extends infer S
  ? S extends unknown
    ? Omit<S, "by" | "key" | "session">
    : never
  : never;

/** A child that a task waits for, and that runs; it has no session of its own, as those that `task.call` makes. */
async function calling(
  h: ContractHarness,
  key: AttemptKey,
  child: Partial<CreateTask> = {},
): Promise<AttemptKey> {
  return h.beginAgain(await call(h, key, child));
}

async function openQuestion(h: ContractHarness, key: AttemptKey, name = "sure?"): Promise<string> {
  const operation = await h.store.openWait({ ...key, name, wait: { kind: "ask", question } });
  assert.ok(operation.state === "open" && operation.wait.kind === "ask");
  return operation.wait.question.key;
}

const withOutbox = (run: (h: ContractHarness, outbox: Outbox) => Promise<void>) => (h: ContractHarness) =>
  run(h, new Outbox(h));

const ends: Readonly<Record<string, (h: ContractHarness, key: AttemptKey) => Promise<unknown>>> = {
  completed: (h, key) => h.store.complete({ ...key, result: 1 }),
  failed: (h, key) => h.store.fail({ ...key, failure: failure() }),
  cancelled: (h, key) => h.store.cancel({ taskId: key.taskId, reason: "by another" }),
  overdue: async (h) => {
    await h.clock.advance(60_000);
    await h.store.failOverdue({ limit: 10 });
  },
};

const question = { message: "sure?", mode: "form" } as const;

export const deliveryCases = [
  ...casesOf("deliveries: what is put in", {
    "is nothing of a task without a delivery, whatever its session": withOutbox(async (h, outbox) => {
      const key = await h.running({ session: { session: "s-1" } });
      await outbox.remember(key, "half");
      await h.store.openWait({ ...key, name: "sure?", wait: { kind: "ask", question } });
      await h.store.complete({ ...key, result: 1 });
      assert.deepEqual(await outbox.lease(), []);
      assert.equal(await h.store.deliveries.nextDueMs(), undefined);
      assert.deepEqual(await outbox.pending(key.taskId), []);
    }),

    "is every end, with the end": withOutbox(async (h, outbox) => {
      for (const [name, end] of Object.entries(ends)) {
        const key = await outbox.running({ deadlineMs: 60_000 });
        assert.deepEqual(await outbox.pending(key.taskId), [], name);
        await end(h, key);
        assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`], name);
        const { entries, session } = await outbox.one();
        assert.deepEqual(entries, [
          { kind: "end", key: `${key.taskId}-end`, taskId: key.taskId, at: h.clock.now() },
        ]);
        assert.deepEqual(session, { session: "s-1" });
        await h.clock.advance(60_001);
        assert.equal((await outbox.drain()).length, 1, name);
      }
    }),

    "is no end that the caller itself asked for": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.running();
      await h.store.cancel({ taskId, byCaller: true });
      assert.deepEqual(await outbox.pending(taskId), []);
      assertFields((await h.read(taskId)).delivery, { ...always, claimedAt: h.clock.now() });
    }),

    "is no end that was refused": withOutbox(async (h, outbox) => {
      const key = await outbox.completed();
      await refuses("STALE_ATTEMPT", () => h.store.complete({ ...key, result: 2 }));
      await h.store.cancel({ taskId: key.taskId });
      assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`]);
    }),

    "is an open question, until it is answered": withOutbox(async (h, outbox) => {
      const key = await outbox.running({ delivery: unclaimed });
      await openQuestion(h, key, "one");
      await openQuestion(h, key, "two");
      const pending = await outbox.pending(key.taskId);
      assert.equal(pending.length, 2);
      const [first] = await h.store.operations(key);
      assert.ok(first?.state === "open" && first.wait.kind === "ask");
      await h.store.answer({
        taskId: key.taskId,
        key: first.wait.question.key,
        action: "accept",
        content: 1,
      });
      assert.deepEqual(await outbox.pending(key.taskId), pending.slice(1));
      await h.clock.advance(30_000);
      const { entries } = await outbox.one();
      assertFields(entries[0], { kind: "question", key: pending[1] });
      assert.ok(entries[0]?.kind === "question");
      assert.equal(entries[0].question.message, "sure?");
    }),

    "is a question that was asked again, and not the one before": withOutbox(async (h, outbox) => {
      const key = await outbox.running({ delivery: unclaimed });
      await h.store.openWait({ ...key, name: "one", wait: { kind: "ask", question } });
      const [before] = await outbox.pending(key.taskId);
      const questionKey = before?.split("-").at(-1) ?? "";
      await h.store.askAgain({ taskId: key.taskId, key: questionKey, problem: "too short" });
      const [after, ...others] = await outbox.pending(key.taskId);
      assert.deepEqual(others, []);
      assert.notEqual(after, before);
    }),

    "is no question of a task that has ended, and none for the client's model": withOutbox(
      async (h, outbox) => {
        const key = await outbox.running();
        await h.store.openWait({
          ...key,
          name: "sample",
          wait: { kind: "ask", question: { ...question, mode: "sample", request: {} } },
        });
        assert.deepEqual(await outbox.pending(key.taskId), []);
        await h.store.openWait({ ...key, name: "one", wait: { kind: "ask", question } });
        await h.store.complete({ ...key, result: 1 });
        assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`]);
      },
    ),

    "is no question whose time is over": withOutbox(async (h, outbox) => {
      const key = await outbox.running({ delivery: unclaimed });
      await h.store.openWait({ ...key, name: "one", wait: { kind: "ask", question } });
      await h.store.recordOperation({
        ...key,
        name: "one",
        kind: "ask",
        state: "failed",
        failure: failure(),
      });
      assert.deepEqual(await outbox.pending(key.taskId), []);
    }),

    "is nothing of a child, of which its caller is told": withOutbox(async (h, outbox) => {
      const parent = await outbox.running();
      const child = h.request();
      await h.store.openCall({ ...parent, name: "child", child });
      const key = await h.beginAgain(child.id);
      await h.store.complete({ ...key, result: 1 });
      assert.deepEqual(await outbox.pending(child.id), []);
      await h.store.complete({ ...parent, result: 1 });
      assert.deepEqual(await outbox.drain(), [`${parent.taskId}-end`]);
    }),

    "is kept with what was asked for": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.running({ delivery: unclaimed });
      assert.deepEqual((await h.read(taskId)).delivery, unclaimed);
      assert.deepEqual((await h.store.summary({ taskId }))?.delivery, unclaimed);
    }),
  }),

  ...casesOf("deliveries: a child's question", {
    "is put in for every caller that delivers, up to the first, and says who asks": withOutbox(
      async (h, outbox) => {
        const first = await outbox.running();
        const second = await calling(h, first);
        const third = await calling(h, second);
        const key = await openQuestion(h, third);
        assert.deepEqual(await outbox.pending(third.taskId), []);
        assert.deepEqual(await outbox.pending(second.taskId), []);
        const { entries } = await outbox.one();
        const [entry, ...others] = entries;
        assert.deepEqual(others, []);
        assertFields(entry, {
          kind: "question",
          key: `${first.taskId}-question-${third.taskId}${key}`,
          taskId: first.taskId,
          askerId: third.taskId,
          question: { ...question, key },
        });
      },
    ),

    "is taken out with its answer, its time-out, and is another when it is asked again": withOutbox(
      async (h, outbox) => {
        const first = await outbox.running({ delivery: unclaimed });
        const child = await calling(h, first);
        const { taskId } = child;
        const named = (key: string): string => `${first.taskId}-question-${taskId}${key}`;
        const key = await openQuestion(h, child);
        const other = await openQuestion(h, child, "really?");
        assert.deepEqual(await outbox.pending(first.taskId), [named(key), named(other)]);
        await h.store.askAgain({ taskId, key, problem: "no" });
        const [, again] = await outbox.pending(first.taskId);
        assert.ok(again !== undefined && again !== named(key), "a new key");
        await h.store.answer({ taskId, key: again.slice(named("").length), action: "decline" });
        assert.deepEqual(await outbox.pending(first.taskId), [named(other)]);
        const expired = { name: "really?", kind: "ask", state: "failed", failure: failure() } as const;
        await h.store.recordOperation({ ...child, ...expired });
        assert.deepEqual(await outbox.pending(first.taskId), []);
      },
    ),

    "is taken out when who asks has ended, however deep it is and whoever ended it": withOutbox(
      async (h, outbox) => {
        for (const end of ["third", "second", "first"]) {
          const first = await outbox.running({ delivery: unclaimed });
          const second = await calling(h, first);
          const third = await calling(h, second);
          await openQuestion(h, third);
          assert.equal((await outbox.pending(first.taskId)).length, 1);
          await h.store.cancel({ taskId: { first, second, third }[end]?.taskId ?? third.taskId });
          const left = await outbox.pending(first.taskId);
          assert.deepEqual(left, end === "first" ? [`${first.taskId}-end`] : [], end);
        }
      },
    ),

    "that was asked before is put in for who begins to wait, and for who waits for that": withOutbox(
      async (h, outbox) => {
        const early = await h.running();
        const child = await calling(h, early, { idempotencyKey: "monday" });
        const grandchild = await calling(h, child);
        const keys = [await openQuestion(h, child), await openQuestion(h, grandchild)];
        const late = await outbox.running();
        const between = await calling(h, late);
        assert.equal(await call(h, between, { idempotencyKey: "monday" }), child.taskId);
        assertInAnyOrder(await outbox.pending(late.taskId), [
          `${late.taskId}-question-${child.taskId}${keys[0]}`,
          `${late.taskId}-question-${grandchild.taskId}${keys[1]}`,
        ]);
      },
    ),

    "of a model is nobody's to answer": withOutbox(async (h, outbox) => {
      const first = await outbox.running();
      const child = await calling(h, first);
      const sample = { message: "sample", mode: "sample", request: { maxTokens: 1 } } as const;
      await h.store.openWait({ ...child, name: "sample", wait: { kind: "ask", question: sample } });
      assert.deepEqual(await outbox.pending(first.taskId), []);
    }),
  }),

  ...casesOf("deliveries: interim results", {
    "that wait are one entry, in their order": withOutbox(async (h, outbox) => {
      const key = await outbox.running();
      const start = h.clock.now();
      for (const text of ["a", "b", "c"]) {
        await outbox.remember(key, text);
        await h.clock.advance(10);
      }
      const { entries } = await outbox.one();
      assert.equal(entries.length, 1);
      assertFields(entries[0], {
        kind: "interim",
        remembered: [
          { text: "a", at: start },
          { text: "b", at: start + 10 },
          { text: "c", at: start + 20 },
        ],
        omitted: 0,
      });
    }),

    "of several tasks are several entries": withOutbox(async (_h, outbox) => {
      for (const task of [await outbox.running(), await outbox.running()]) await outbox.remember(task, "x");
      assert.equal((await outbox.one()).entries.length, 2);
    }),

    "are bounded: the latest are kept, the others counted": withOutbox(async (_h, outbox) => {
      const key = await outbox.running();
      for (let n = 0; n < 25; n++) await outbox.remember(key, `${n}`);
      const [entry] = (await outbox.one()).entries;
      assert.ok(entry?.kind === "interim");
      assert.deepEqual([entry.remembered.length, entry.omitted], [20, 5]);
      assert.equal(entry.remembered.at(-1)?.text, "24");
    }),

    "that come while others are under way are another entry": withOutbox(async (_h, outbox) => {
      const key = await outbox.running();
      await outbox.remember(key, "a");
      const first = await outbox.one();
      await outbox.remember(key, "b");
      await outbox.delivered(first);
      const second = await outbox.one();
      assert.deepEqual(
        second.entries.flatMap((entry) =>
          entry.kind === "interim" ? entry.remembered.map((r) => r.text) : [],
        ),
        ["b"],
      );
      assert.notEqual(first.key, second.key);
    }),

    "go after ends and questions": withOutbox(async (h, outbox) => {
      const first = await outbox.running();
      await outbox.remember(first, "a");
      const asking = await outbox.running();
      await h.store.openWait({ ...asking, name: "one", wait: { kind: "ask", question } });
      await h.store.complete({ ...first, result: 1 });
      assert.deepEqual(
        (await outbox.one()).entries.map((entry) => entry.kind),
        ["question", "end", "interim"],
      );
    }),

    "are refused to an attempt that is over": withOutbox(async (h, outbox) => {
      const key = await outbox.completed();
      await refuses("STALE_ATTEMPT", () => outbox.remember(key, "late"));
      assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`]);
      assert.equal((await h.store.operations(key)).length, 0);
    }),
  }),

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
