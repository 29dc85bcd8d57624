import assert from "node:assert/strict";
import { casesOf } from "./contract.ts";

export const backupCases = casesOf(
  "backup",
  {
    async "is a store with all that was committed"(h) {
      const running = await h.running();
      await h.store.saveState({ ...running, state: new Uint8Array([1, 2, 3]) });
      const completed = await h.completed({ idempotencyKey: "monday" });
      const copy = await h.backup();
      for (const { taskId } of [running, completed]) {
        assert.deepEqual(
          {
            record: await copy.get({ taskId }),
            operations: await copy.operations({ taskId }),
            savedState: await copy.savedState({ taskId }),
            timeline: await copy.timeline({ taskId }),
          },
          await h.everything(taskId),
        );
      }
      assert.equal((await copy.create(h.request({ idempotencyKey: "monday" }))).created, false);
    },

    async "and the original go their own ways"(h) {
      const { id } = await h.create();
      const copy = await h.backup();
      await h.store.cancel({ taskId: id });
      assert.equal((await copy.get({ taskId: id }))?.status, "working");
      const late = await h.create();
      assert.equal(await copy.get({ taskId: late.id }), undefined);
    },
  },
  "backup",
);
