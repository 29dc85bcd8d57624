/** Parking at open waits, and being woken by each thing that is waited for. */
import assert from "node:assert/strict";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { operationOf, parkedAt, requests } from "./waits.ts";

export const parkCases = casesOf("park", {
  async "ends the attempt: nothing runs, and it writes nothing any more"(h) {
    const key = await parkedAt(h, { name: "ask", wait: requests.ask });
    assertFields(await h.read(key.taskId), { phase: "parked", status: "input_required", dueAt: undefined });
    const last = (await h.store.timeline({ taskId: key.taskId })).at(-1);
    assertFields(last, { type: "parked", attempt: 1, until: undefined, at: h.clock.now() });
    await leavesUnchanged(h, key.taskId, async () => {
      await refuses("STALE_ATTEMPT", () => h.store.complete({ ...key, result: 1 }));
      await refuses("STALE_ATTEMPT", () => h.store.park({ ...key, waits: ["ask"] }));
      await refuses("STALE_ATTEMPT", () => h.store.release(key));
      await refuses("STALE_ATTEMPT", () => h.store.openWait({ ...key, name: "ask", wait: requests.ask }));
    });
    assert.equal(await h.begin(key.taskId), undefined);
    assert.deepEqual((await h.claim()).begun, []);
    assert.equal(await h.nextDueMs(), undefined);
  },

  async "is due at the earliest time of its waits"(h) {
    const key = await parkedAt(
      h,
      { name: "long", wait: { kind: "sleep", ms: 9_000 } },
      { name: "short", wait: { kind: "sleep", ms: 2_000 } },
      { name: "ask", wait: { ...requests.ask, timeoutMs: 4_000 } },
      { name: "signal", wait: { ...requests.signal, timeoutMs: 3_000 } },
    );
    const until = h.clock.now() + 2_000;
    assertFields(await h.read(key.taskId), { phase: "queued", dueAt: until });
    assertFields((await h.store.timeline({ taskId: key.taskId })).at(-1), { type: "parked", until });
    await h.execute();
    assert.equal(await h.nextDueMs(), 2_000);
    await h.clock.advance(1_999);
    assert.equal(await h.begin(key.taskId), undefined);
    await h.clock.advance(1);
    assertFields(await h.begin(key.taskId), { attempt: 2, errors: 0, crashes: 0, phase: "running" });
  },

  async "waits for a step's next try as for any other time"(h) {
    const key = await h.running();
    const step = { name: "pay", kind: "step", state: "attempted", tries: 1, delayMs: 800 } as const;
    const until = h.clock.now() + 800;
    assertFields(await h.store.recordOperation({ ...key, ...step }), { until });
    assert.equal(await h.store.park({ ...key, waits: ["pay"] }), true);
    assertFields(await h.read(key.taskId), { phase: "queued", dueAt: until });
    await h.clock.advance(800);
    const again = await h.beginAgain(key.taskId);
    assertFields(await operationOf(h, again, "pay"), { state: "attempted", tries: 1, until });
  },

  async "is not woken by a wait that it does not stand at any more"(h) {
    const first = await parkedAt(h, { name: "nap", wait: { kind: "sleep", ms: 100 } });
    await h.clock.advance(100);
    const second = await h.beginAgain(first.taskId);
    await h.store.openWait({ ...second, name: "ask", wait: requests.ask });
    assert.equal(await h.store.park({ ...second, waits: ["ask"] }), true);
    assertFields(await h.read(first.taskId), { phase: "parked" });
    assert.deepEqual((await h.claim()).begun, []);
  },

  async "is refused when one of its waits was resolved meanwhile, and changes nothing"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "nap", wait: requests.sleep });
    await h.store.openWait({ ...key, name: "go", wait: requests.signal });
    await h.store.signal({ taskId: key.taskId, name: "go", value: 1 });
    await leavesUnchanged(h, key.taskId, async () => {
      assert.equal(await h.store.park({ ...key, waits: ["nap", "go"] }), false);
      assert.equal(await h.store.park({ ...key, waits: ["nap", "never opened"] }), false);
    });
    assertFields(await h.read(key.taskId), { phase: "running" });
    assert.equal(await h.store.park({ ...key, waits: ["nap"] }), true);
  },

  async "is due at once when its time is over already"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "nap", wait: { kind: "sleep", ms: 100 } });
    await h.clock.advance(200);
    assert.equal(await h.store.park({ ...key, waits: ["nap"] }), true);
    assertFields(await h.begin(key.taskId), { attempt: 2 });
  },

  async "keeps every operation, and frees nothing else"(h) {
    const key = await h.running();
    await h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 });
    await h.store.saveState({ ...key, state: { epoch: 2 } });
    await h.store.openWait({ ...key, name: "ask", wait: requests.ask });
    const { operations, savedState } = await h.everything(key.taskId);
    await h.store.park({ ...key, waits: ["ask"] });
    const after = await h.everything(key.taskId);
    assert.deepEqual([after.operations, after.savedState], [operations, savedState]);
  },

  async "is left by each thing it waits for, to be claimed once"(h) {
    await h.execute();
    const asked = await parkedAt(h, { name: "ask", wait: requests.ask });
    const signalled = await parkedAt(h, { name: "go", wait: requests.signal });
    const slept = await parkedAt(h, { name: "nap", wait: { kind: "sleep", ms: 50 } });
    const caller = await h.running();
    const request = h.request();
    await h.store.openCall({ ...caller, name: "call", child: request });
    await h.store.park({ ...caller, waits: ["call"] });
    const child = await h.beginAgain(request.id);

    const [open] = await h.store.operations(asked);
    assert.ok(open?.state === "open" && open.wait.kind === "ask");
    const { key } = open.wait.question;
    await h.store.answer({ taskId: asked.taskId, key, action: "accept", content: {} });
    await h.store.signal({ taskId: signalled.taskId, name: "go", value: 1 });
    await h.store.complete({ ...child, result: 1 });
    await h.clock.advance(50);
    for (const { taskId } of [asked, signalled, slept, caller]) {
      assertFields(await h.read(taskId), { phase: "queued", status: "working", attempt: 1 });
    }
    const { begun } = await h.claim();
    assert.deepEqual(
      begun.map(({ id, attempt }) => `${id} ${attempt}`).toSorted(),
      [asked, signalled, slept, caller].map(({ taskId }) => `${taskId} 2`).toSorted(),
    );
    assert.deepEqual((await h.claim()).begun, []);
  },

  async "may follow on parking, again and again"(h) {
    let key = await h.running();
    for (let round = 1; round <= 5; round++) {
      const name = `nap ${round}`;
      await h.store.openWait({ ...key, name, wait: { kind: "sleep", ms: 10 } });
      assert.equal(await h.store.park({ ...key, waits: [name] }), true);
      assert.equal(await h.begin(key.taskId), undefined, "its earlier sleeps do not wake it");
      await h.clock.advance(10);
      key = await h.beginAgain(key.taskId);
      assert.equal(key.attempt, round + 1);
    }
  },
});
