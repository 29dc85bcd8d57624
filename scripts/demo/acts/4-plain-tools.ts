import assert from "node:assert/strict";
import { plainToolsClient } from "../clients/plain-tools.ts";
import { playTraining, proveResult } from "../one-training.ts";
import type { Act } from "../stage.ts";

export const act: Act = {
  title: "A client that knows no tasks, and does not wait",
  play: async (stage) => {
    const played = await playTraining(stage, plainToolsClient);
    const { answeredMs = Number.NaN, taskId } = played.training;
    stage.prove(
      `after ${(answeredMs / 1_000).toFixed(1)} s the call was handed over as a task, in plain words`,
      () => {
        assert.ok(taskId);
        assert(answeredMs > 900 && answeredMs < 5_000, `${answeredMs} ms`);
      },
    );
    stage.prove("check_task_status told its progress, get_task_results the result", () =>
      assert(played.reports.length >= 1),
    );
    proveResult(stage, played);
  },
};
