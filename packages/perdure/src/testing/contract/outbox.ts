/** What the cases of the outbox work with. */
import assert from "node:assert/strict";
import type { LeaseDeliveries, LeasedMessage, SettleDelivery } from "../../store/deliveries.ts";
import type { AttemptKey, CreateTask, TaskStore } from "../../store/store.ts";
import type { TaskId } from "../../task/id.ts";
import type { DeliveryFailure, DeliveryPolicy } from "../../task/record.ts";
import type { ContractHarness } from "./harness.ts";

export const always: DeliveryPolicy = { mode: "always", graceMs: 0, keepMs: 86_400_000 };
export const unclaimed: DeliveryPolicy = { mode: "unclaimed", graceMs: 30_000, keepMs: 86_400_000 };
export const down: DeliveryFailure = { kind: "unavailable", message: "no answer" };

/** What a case works with: tasks of one session, and a process that delivers. */
export class Outbox {
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

export const question = { message: "sure?", mode: "form" } as const;

export async function openQuestion(h: ContractHarness, key: AttemptKey, name = "sure?"): Promise<string> {
  const operation = await h.store.openWait({ ...key, name, wait: { kind: "ask", question } });
  assert.ok(operation.state === "open" && operation.wait.kind === "ask");
  return operation.wait.question.key;
}

export const withOutbox =
  (run: (h: ContractHarness, outbox: Outbox) => Promise<void>) => (h: ContractHarness) =>
    run(h, new Outbox(h));
