import assert from "node:assert/strict";
import { heldCallClient } from "../clients/held-call.ts";
import { playTraining, proveResult } from "../one-training.ts";
import type { Act } from "../stage.ts";

export const act: Act = {
  title: "A client that knows no tasks, and waits",
  play: async (stage) => {
    const played = await playTraining(stage, heldCallClient);
    stage.prove(`one call, kept open; ${played.reports.length} reports of progress came meanwhile`, () => {
      assert(played.reports.length >= 3, `${played.reports.length} came`);
      assert.deepEqual(
        played.reports,
        played.reports.toSorted((a, b) => a - b),
        "progress only rises",
      );
    });
    stage.prove("the result came as the answer to that call", () =>
      assert.equal(played.training.taskId, undefined),
    );
    proveResult(stage, played);
  },
};
