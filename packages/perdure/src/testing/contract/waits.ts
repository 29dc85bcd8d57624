/** Opening waits: what sleeps, questions, signals and calls have in common. */
import assert from "node:assert/strict";
import type { AttemptKey, OpenWait, WaitRequest } from "../../store/store.ts";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";

export const question = { message: "Go on?", mode: "form", schema: { type: "object" } } as const;

export const requests = {
  sleep: { kind: "sleep", ms: 60_000 },
  ask: { kind: "ask", question },
  signal: { kind: "signal" },
} as const satisfies Record<string, WaitRequest>;

const kinds = ["sleep", "ask", "signal"] as const;

/** A task that was parked at these waits. */
export async function parkedAt(
  h: ContractHarness,
  ...waits: readonly Pick<OpenWait, "name" | "wait">[]
): Promise<AttemptKey> {
  const key = await h.running();
  for (const wait of waits) await h.store.openWait({ ...key, ...wait });
  assert.equal(await h.store.park({ ...key, waits: waits.map(({ name }) => name) }), true, "it was parked");
  return key;
}

export async function operationOf(h: ContractHarness, key: AttemptKey, name: string) {
  const found = (await h.store.operations(key)).find((operation) => operation.name === name);
  assert.ok(found, `${name} is recorded`);
  return found;
}

export const waitCases = casesOf("waits", {
  async "open once under a name: again, the same comes back"(h) {
    const key = await h.running();
    for (const kind of kinds) {
      const opened = await h.store.openWait({ ...key, name: kind, wait: requests[kind] });
      assertFields(opened, { name: kind, kind, state: "open", attempt: 1, recordedAt: h.clock.now() });
      await h.clock.advance(100);
      await leavesUnchanged(h, key.taskId, async () => {
        const again = await h.store.openWait({ ...key, name: kind, wait: requests[kind] });
        assert.deepEqual(again, opened);
      });
    }
  },

  async "stand in the timeline, raise the revision, and are told as they were opened"(h) {
    const key = await h.running();
    const before = await h.read(key.taskId);
    const opened = await h.store.openWait({ ...key, name: "nap", wait: requests.sleep });
    assert.deepEqual(await h.store.operations(key), [opened]);
    assert.ok((await h.read(key.taskId)).revision > before.revision);
    const last = (await h.store.timeline({ taskId: key.taskId })).at(-1);
    assertFields(last, { type: "operation", name: "nap", kind: "sleep", state: "open" });
  },

  async "are refused under a name that another kind has, open or done"(h) {
    const key = await h.running();
    await h.store.recordOperation({ ...key, name: "step", kind: "step", state: "done", value: 1 });
    for (const kind of kinds) await h.store.openWait({ ...key, name: kind, wait: requests[kind] });
    const child = () => h.request();
    for (const name of ["step", ...kinds]) {
      await leavesUnchanged(h, key.taskId, async () => {
        for (const kind of kinds) {
          if (kind === name) continue;
          await refuses("STEP_MISMATCH", () => h.store.openWait({ ...key, name, wait: requests[kind] }));
        }
        await refuses("STEP_MISMATCH", () => h.store.openCall({ ...key, name, child: child() }));
      });
    }
    assert.equal((await h.store.list({})).tasks.length, 1, "no child was made");
  },

  async "are refused to every attempt but the one that runs"(h) {
    const first = await h.running();
    await h.store.openWait({ ...first, name: "nap", wait: requests.sleep });
    await h.store.release(first);
    const second = await h.beginAgain(first.taskId);
    const ended = await h.cancelled();
    for (const key of [first, { ...second, attempt: 3 }, ended]) {
      await leavesUnchanged(h, key.taskId, async () => {
        for (const name of ["nap", "new"]) {
          await refuses("STALE_ATTEMPT", () => h.store.openWait({ ...key, name, wait: requests.sleep }));
          await refuses("STALE_ATTEMPT", () => h.store.park({ ...key, waits: [name] }));
        }
        await refuses("STALE_ATTEMPT", () => h.store.openCall({ ...key, name: "call", child: h.request() }));
      });
    }
    assert.equal((await h.store.list({ tool: "train" })).tasks.length, 2, "no child was made");
  },

  async "refuse names that are none"(h) {
    const key = await h.running();
    for (const name of ["", "a\0b", "x".repeat(2_000)]) {
      await refuses("INVALID_VALUE", () => h.store.openWait({ ...key, name, wait: requests.sleep }));
      await refuses("INVALID_VALUE", () => h.store.openCall({ ...key, name, child: h.request() }));
      await refuses("INVALID_VALUE", () => h.store.signal({ taskId: key.taskId, name, value: 1 }));
      const child = h.request({ idempotencyKey: name });
      await refuses("INVALID_VALUE", () => h.store.openCall({ ...key, name: "call", child }));
    }
  },

  async "of time end when the store says so, or at the time given"(h) {
    const key = await h.running();
    const until = h.clock.now() + 5_000;
    const named = await h.store.openWait({ ...key, name: "at", wait: { kind: "sleep", until } });
    assertFields(named, { wait: { kind: "sleep", until } });
    const lasting = await h.store.openWait({ ...key, name: "for", wait: { kind: "sleep", ms: 700 } });
    assertFields(lasting, { wait: { kind: "sleep", until: h.clock.now() + 700 } });
  },

  async "newly opened reset the count of crashes"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "nap", wait: requests.sleep });
    assertFields(await h.read(key.taskId), { crashes: 0 });
  },

  async "are kept by a release and a retry, with their times"(h) {
    for (const leave of [
      (key: AttemptKey) => h.store.release(key),
      (key: AttemptKey) => h.store.retry({ ...key, failure: failure(), delayMs: 0 }),
    ]) {
      const first = await h.running();
      for (const kind of kinds) await h.store.openWait({ ...first, name: kind, wait: requests[kind] });
      const before = await h.store.operations(first);
      await h.clock.advance(10);
      await leave(first);
      assertFields(await h.read(first.taskId), { status: "input_required" });
      const second = await h.beginAgain(first.taskId);
      assert.deepEqual(await h.store.operations(second), before);
      assertFields(await h.read(first.taskId), { status: "input_required", phase: "running" });
      for (const kind of kinds) await h.store.openWait({ ...second, name: kind, wait: requests[kind] });
      assert.deepEqual(await h.store.operations(second), before, "found, not opened again");
      await h.store.cancel({ taskId: first.taskId });
    }
  },

  async "that nobody resolved in time are failed by the attempt, once"(h) {
    const key = await h.running();
    for (const kind of ["ask", "signal"] as const) {
      await h.store.openWait({ ...key, name: kind, wait: { ...requests[kind], timeoutMs: 500 } });
      await h.clock.advance(500);
      const expired = { ...key, name: kind, kind, state: "failed", failure: failure() } as const;
      await h.store.recordOperation(expired);
      assertFields(await operationOf(h, key, kind), { state: "failed", wait: undefined });
      await refuses("STEP_MISMATCH", () => h.store.recordOperation(expired));
    }
    assertFields(await h.read(key.taskId), { status: "working" });
  },

  async "end with the task: it is parked and due no more"(h) {
    const until = { ...requests.sleep, ms: 1_000 };
    const slept = await parkedAt(h, { name: "nap", wait: until });
    const asked = await parkedAt(h, { name: "ask", wait: requests.ask });
    for (const { taskId } of [slept, asked]) {
      assertFields((await h.store.cancel({ taskId }))?.task, { status: "cancelled", phase: "ended" });
    }
    await h.clock.advance(1_000);
    assert.deepEqual((await h.claim()).begun, []);
  },

  async "are no shelter from the deadline"(h) {
    const key = await h.running({ deadlineMs: 1_000 });
    await h.store.openWait({ ...key, name: "ask", wait: requests.ask });
    await h.store.park({ ...key, waits: ["ask"] });
    await h.clock.advance(1_000);
    assert.equal(await h.store.failOverdue({ limit: 10 }), 1);
    assertFields(await h.read(key.taskId), { status: "failed", phase: "ended" });
  },
});
