/** Agent and server with a Gateway between them, which cuts after 5 minutes. */
import { expect, test } from "vitest";
import { type Conversation, eventually, minuteMs } from "./deployment.ts";
import { deployed } from "./deployed.ts";

const deployment = deployed({ isBehindGateway: true });
const max: Conversation = { actorId: "max", sessionId: "conversation-of-max-0123456789-0123456789" };

test("a tool of more than 30 minutes is handed over behind a Gateway, and nothing is cut", async () => {
  const there = deployment();
  const epochs = 10_000;
  const { text, tookMs } = await there.ask(max, `Please train a model, epochs ${epochs}, hidden 64.`);
  const taskId = await there.latestTask();
  expect(text).toContain(`task ${taskId}, and runs in the background`);
  expect(tookMs).toBeLessThan(5 * minuteMs);

  const begun = performance.now();
  const first = await eventually("an epoch", async () => (await there.savedEpoch(taskId)) || undefined);
  const later = await eventually("the next", async () => {
    const epoch = await there.savedEpoch(taskId);
    return epoch > first + 1 ? epoch : undefined;
  });
  const epochMs = (performance.now() - begun) / later;
  expect(epochMs * epochs).toBeGreaterThan(30 * minuteMs);

  // Minutes pass for the platform, while the server's /ping says that something happens.
  for (let minutes = 0; minutes < 30; minutes += 10) {
    there.clock.advance(10 * minuteMs);
    await there.serverMoves();
  }
  expect(await there.record.summary({ taskId })).toMatchObject({ status: "working", attempt: 1 });
  expect(there.sessions("agent")).toEqual([]);

  const { text: cancelled } = await there.ask(max, "Cancel it.");
  expect(cancelled).toContain("cancel");
  expect(await there.record.summary({ taskId })).toMatchObject({ status: "cancelled" });
  expect(there.calls.names).toEqual(["training___train_model", "training___cancel_task"]);
}, 120_000);
