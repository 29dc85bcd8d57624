/** All four clients at once, and no server in the middle. */
import assert from "node:assert/strict";
import type { TaskId, TaskStore } from "perdure";
import { decodeModel } from "../../../examples/model-training/model-bytes.ts";
import type { ClientKind, Training } from "../clients/client.ts";
import { extensionClient } from "../clients/extension.ts";
import { heldCallClient } from "../clients/held-call.ts";
import { plainToolsClient } from "../clients/plain-tools.ts";
import { v1TaskClient } from "../clients/v1-task.ts";
import { type Act, eventually, type Stage } from "../stage.ts";
import { trainAlone, type TrainingInput } from "../training.ts";

const clients = [extensionClient, v1TaskClient, heldCallClient, plainToolsClient];
const epochs = 8;
/** Each training has a seed of its own, so that none is taken for another. */
const inputOf = (client: ClientKind): TrainingInput => ({
  epochs,
  hidden: 8,
  seed: 11 + clients.indexOf(client),
});

interface Scene {
  readonly client: ClientKind;
  readonly training: Training;
  readonly taskId: TaskId;
}

export const act: Act = {
  title: "The server is killed in the middle: kill -9",
  play: async (stage) => {
    const before = await countTasks(stage.record);
    const alone = Promise.all(clients.map((client) => trainAlone(inputOf(client))));
    const trainings = await Promise.all(
      clients.map((client) => client.start(stage.url, inputOf(client), show(stage, client))),
    );
    // Those whose connection breaks fail here, and are taken up again below.
    for (const { result } of trainings) result.catch(() => undefined);
    const scenes = await Promise.all(
      clients.map((client, i) => sceneOf(stage.record, client, trainings[i] as Training)),
    );
    await eventually("three epochs of each", async () => {
      const done = await Promise.all(scenes.map(({ taskId }) => epochsDone(stage.record, taskId)));
      return done.every((epoch) => epoch >= 3) ? done : undefined;
    });

    const { pid } = stage.server;
    const signal = await stage.server.kill();
    stage.bars.stop();
    const saved = await Promise.all(scenes.map(({ taskId }) => savedEpoch(stage.record, taskId)));
    stage.prove(
      `process ${pid} is dead (${signal}); the record says epochs ${saved.join(", ")} of ${epochs}`,
      () => {
        assert.equal(signal, "SIGKILL");
        assert(
          saved.every((epoch) => epoch >= 3 && epoch < epochs),
          `saved: ${saved.join(", ")}`,
        );
      },
    );

    const firstReports = scenes.map(({ taskId }, i) =>
      firstReportAfter(stage.record, taskId, saved[i] as number),
    );
    await stage.server.start();
    stage.say(`Started again (process ${stage.server.pid}). Each client goes on in its own way:`);
    const results = await Promise.all(
      scenes.map(({ client, training }) => client.resume(stage.url, training, show(stage, client))),
    );
    const reports = await Promise.all(firstReports);
    stage.bars.stop();

    for (const [i, { client, taskId }] of scenes.entries()) {
      const report = reports[i];
      const timeline = (await stage.record.timeline({ taskId })).map(describe);
      stage.prove(`${client.label}: attempt 2 begins at epoch ${(saved[i] as number) + 1}`, () => {
        assert.deepEqual(timeline, ["created", "begun 1", "crashed 1", "begun 2", "completed"]);
        assert.deepEqual(report, { attempt: 2, done: (saved[i] as number) + 1 });
      });
    }
    const after = await countTasks(stage.record);
    stage.prove("four calls, four tasks: none was started a second time", () =>
      assert.equal(after - before, 4),
    );
    const expected = await alone;
    stage.prove("all four have the very loss and accuracy of a training that was left alone", () =>
      assert.deepEqual(results, expected),
    );
  },
};

function show(stage: Stage, { label }: ClientKind): Parameters<ClientKind["start"]>[2] {
  return (report) => stage.bars.report(label, report);
}

/** The task of a held call is known to the record only: by its input. */
async function sceneOf(record: TaskStore, client: ClientKind, training: Training): Promise<Scene> {
  const { seed } = inputOf(client);
  const taskId = await eventually(`the task of ${client.label}`, async () => {
    if (training.taskId !== undefined) return training.taskId as TaskId;
    for (const { id } of (await record.list({ status: "working" })).tasks) {
      const input = (await record.get({ taskId: id }))?.input as TrainingInput | undefined;
      if (input?.seed === seed) return id;
    }
    return undefined;
  });
  return { client, training, taskId };
}

async function epochsDone(record: TaskStore, taskId: TaskId): Promise<number> {
  return (await record.summary({ taskId }))?.progress?.done ?? 0;
}

async function savedEpoch(record: TaskStore, taskId: TaskId): Promise<number> {
  const state = await record.savedState({ taskId });
  assert(state instanceof Uint8Array);
  return decodeModel(state).epoch;
}

/** The first progress beyond what was saved, and the attempt that reported it. */
async function firstReportAfter(record: TaskStore, taskId: TaskId, epoch: number) {
  return eventually(`progress beyond epoch ${epoch}`, async () => {
    const task = await record.summary({ taskId });
    const done = task?.progress?.done ?? 0;
    return task !== undefined && done > epoch ? { attempt: task.attempt, done } : undefined;
  });
}

async function countTasks(record: TaskStore): Promise<number> {
  return (await record.list({ limit: 1_000 })).tasks.length;
}

function describe(event: { readonly type: string; readonly attempt?: number }): string {
  return event.attempt === undefined ? event.type : `${event.type} ${event.attempt}`;
}
