import { extensionClient } from "../clients/extension.ts";
import { proveTaskAtOnce } from "../one-training.ts";
import type { Act } from "../stage.ts";

export const act: Act = {
  title: "A client that speaks the tasks extension of MCP 2026-07-28",
  play: (stage) => proveTaskAtOnce(stage, extensionClient),
};
