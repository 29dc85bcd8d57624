import assert from "node:assert/strict";
import type { ClientSession } from "../../store/sessions.ts";
import { assertFields } from "./assertions.ts";
import { casesOf } from "./contract.ts";

const session = (given: Partial<ClientSession> = {}): ClientSession => ({
  id: "s-1",
  owner: "ada",
  protocolVersion: "2025-11-25",
  capabilities: { elicitation: {}, roots: { listChanged: true } },
  clientInfo: { name: "agent 🤖", version: "1.0" },
  ...given,
});

export const sessionCases = [
  ...casesOf("sessions", {
    async "are kept as they were put"(h) {
      for (const kept of [
        session(),
        session({ id: "s-2", logLevel: "warning", capabilities: {}, clientInfo: {} }),
      ]) {
        await h.store.sessions.put(kept);
        assert.deepEqual(await h.store.sessions.get(kept), { ...kept, putAt: h.clock.now() });
      }
    },

    async "are undefined where none was put"(h) {
      assert.equal(await h.store.sessions.get({ id: "s-1", owner: "ada" }), undefined);
    },

    async "are replaced as a whole when they are put again"(h) {
      await h.store.sessions.put(session({ logLevel: "warning" }));
      await h.clock.advance(1_000);
      const later = session({ protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "b" } });
      await h.store.sessions.put(later);
      assert.deepEqual(await h.store.sessions.get(later), { ...later, putAt: h.clock.now() });
    },

    async "of another owner are unknown, and cannot be ended"(h) {
      await h.store.sessions.put(session());
      assert.equal(await h.store.sessions.get({ id: "s-1", owner: "bob" }), undefined);
      await h.store.sessions.end({ id: "s-1", owner: "bob" });
      assertFields(await h.store.sessions.get(session()), { endedAt: undefined });
    },

    async "of another owner under the same id are other sessions"(h) {
      await h.store.sessions.put(session());
      const other = session({ owner: "bob", clientInfo: { name: "another" } });
      await h.store.sessions.put(other);
      assertFields(await h.store.sessions.get(session()), { ...session() });
      assertFields(await h.store.sessions.get(other), { ...other });
    },

    async "that ended are known as ended"(h) {
      await h.store.sessions.put(session());
      await h.clock.advance(1_000);
      await h.store.sessions.end(session());
      await h.clock.advance(1_000);
      await h.store.sessions.deleteIdle({ idleMs: 60_000, limit: 10 });
      assertFields(await h.store.sessions.get(session()), {
        ...session(),
        putAt: h.clock.now() - 2_000,
        endedAt: h.clock.now() - 1_000,
      });
    },

    async "that are unknown can be ended, to no effect"(h) {
      await h.store.sessions.end(session());
      assert.equal(await h.store.sessions.get(session()), undefined);
    },

    async "that were idle too long are deleted, at most so many at a time"(h) {
      for (let n = 0; n < 5; n++) await h.store.sessions.put(session({ id: `idle ${n}` }));
      await h.clock.advance(5_000);
      await h.store.sessions.put(session({ id: "active" }));
      await h.store.sessions.put(session({ id: "idle 0" }));
      await h.clock.advance(5_001);
      const batches = [];
      for (let n = 0; n < 4; n++)
        batches.push(await h.store.sessions.deleteIdle({ idleMs: 10_000, limit: 2 }));
      assert.deepEqual(batches, [2, 2, 0, 0]);
      assert.ok(await h.store.sessions.get({ id: "active", owner: "ada" }));
      assert.ok(await h.store.sessions.get({ id: "idle 0", owner: "ada" }), "it was put again meanwhile");
      assert.equal(await h.store.sessions.get({ id: "idle 1", owner: "ada" }), undefined);
    },

    async "have nothing to do with tasks"(h) {
      await h.store.sessions.put(session());
      assert.deepEqual(await h.store.list({}), { tasks: [] });
      await h.create({ session: { session: "s-2" } });
      assert.equal(await h.store.sessions.get({ id: "s-2", owner: "ada" }), undefined);
    },
  }),

  ...casesOf(
    "sessions",
    {
      async "outlive the process"(h) {
        await h.store.sessions.put(session());
        await h.store.sessions.put(session({ id: "s-2" }));
        await h.store.sessions.end({ id: "s-2", owner: "ada" });
        await h.reopen();
        assert.deepEqual(await h.store.sessions.get(session()), { ...session(), putAt: h.clock.now() });
        assertFields(await h.store.sessions.get({ id: "s-2", owner: "ada" }), { endedAt: h.clock.now() });
      },
    },
    "reopen",
  ),
];
