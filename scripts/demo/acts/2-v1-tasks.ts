import { v1TaskClient } from "../clients/v1-task.ts";
import { proveTaskAtOnce } from "../one-training.ts";
import type { Act } from "../stage.ts";

export const act: Act = {
  title: "A client that speaks the tasks of MCP 2025-11-25",
  play: (stage) => proveTaskAtOnce(stage, v1TaskClient),
};
