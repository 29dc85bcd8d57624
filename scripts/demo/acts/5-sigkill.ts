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
/** In threads one may be far ahead of another: none is to end before each has begun. */
const epochs = 24;
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
    const earlier = await countTasks(stage.record);
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

    const nextStates = scenes.map(({ taskId }, i) => nextSaved(stage.record, taskId, saved[i] as number));
    await stage.server.start();
    stage.say(`Started again (process ${stage.server.pid}). Each client goes on in its own way:`);
    const results = await Promise.all(
      scenes.map(({ client, training }) => client.resume(stage.url, training, show(stage, client))),
    );
    const states = await Promise.all(nextStates);
    stage.bars.stop();

    for (const [i, { client, taskId }] of scenes.entries()) {
      const state = states[i];
      const before = saved[i] as number;
      const timeline = (await stage.record.timeline({ taskId })).map(describe);
      stage.prove(`${client.label}: attempt 2 begins at epoch ${before + 1}`, () => {
        assert.deepEqual(timeline, ["created", "begun 1", "crashed 1", "begun 2", "completed"]);
        assert.deepEqual(state, { attempt: 2, epoch: before + 1 });
      });
    }
    const after = await countTasks(stage.record);
    stage.prove("four calls, four tasks: none was started a second time", () =>
      assert.equal(after - earlier, 4),
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

/** Of the state that the handler saved last; 0 where it has saved none. */
async function savedEpoch(record: TaskStore, taskId: TaskId): Promise<number> {
  const state = await record.savedState({ taskId });
  return state instanceof Uint8Array ? decodeModel(state).epoch : 0;
}

/**
 * The first state that is another than the one from before the kill, and the attempt that saved it. Progress would not
 * tell: it never goes back, also where a handler begins again.
 */
async function nextSaved(record: TaskStore, taskId: TaskId, before: number) {
  return eventually(`a state after that of epoch ${before}`, async () => {
    const epoch = await savedEpoch(record, taskId);
    if (epoch === before) return undefined;
    return { attempt: (await record.summary({ taskId }))?.attempt, epoch };
  });
}

async function countTasks(record: TaskStore): Promise<number> {
  return (await record.list({ limit: 1_000 })).tasks.length;
}

function describe(event: { readonly type: string; readonly attempt?: number }): string {
  return event.attempt === undefined ? event.type : `${event.type} ${event.attempt}`;
}
