/** A training asks a person whether to go on, and the server dies before anybody answers. */
import assert from "node:assert/strict";
import type { TaskId } from "perdure";
import { connectForm, ToolsPerson } from "../clients/asked-person.ts";
import { type Act, eventually, type Stage } from "../stage.ts";
import { trainAlone } from "../training.ts";

const asking = { epochs: 6, hidden: 8, ask_after: 3 };
const byTools = { ...asking, seed: 21 };
const byForm = { ...asking, seed: 22 };

export const act: Act = {
  title: "A person is asked, and answers after the server was killed",
  play: async (stage) => {
    const alone = Promise.all([21, 22].map((seed) => trainAlone({ epochs: 6, hidden: 8, seed })));
    const before = await ToolsPerson.connect(stage.url);
    const shown: string[] = [];
    const answer = (message: string) => {
      shown.push(message);
      return { go_on: true };
    };
    // Not there to be asked: it only begins the training.
    const beginner = await connectForm(stage.url, () => ({}));
    const formTask = await beginner.start(byForm);
    await beginner.close();
    const { task_id } = (await before.train(byTools)).structuredContent;
    const [asked] = (await before.status(task_id)).structuredContent.questions ?? [];
    await bothParked(stage, [task_id, formTask]);
    stage.say(`The training asks: ${asked?.message ?? "nothing"}`);

    const { pid } = stage.server;
    const signal = await stage.server.kill();
    await stage.server.start();
    stage.prove(`nobody has answered; process ${pid} is dead (${signal}), and started again`, () => {
      assert.ok(asked);
      assert.equal(signal, "SIGKILL");
    });

    const after = await ToolsPerson.connect(stage.url);
    const status = (await after.status(task_id)).structuredContent;
    stage.prove("the question is still open, under the same key", () => {
      assert.equal(status.status, "input_required");
      assert.deepEqual(status.questions?.[0]?.key, asked?.key);
    });
    const wrong = await after.answer(task_id, asked?.key ?? "", { go_on: "perhaps" });
    stage.prove("answer_task refuses a wrong answer in words, and the question stays", () => {
      assert.equal(wrong.isError, true);
      assert.equal(wrong.structuredContent.questions?.length, 1);
    });
    const right = await after.answer(task_id, asked?.key ?? "", { go_on: true });
    await after.status(task_id);
    const [tools, form] = await Promise.all([
      after.result(task_id),
      connectForm(stage.url, answer).then((client) => client.result(formTask)),
    ]);
    stage.prove("answer_task takes the right one, and the training goes on", () =>
      assert.equal(right.isError, undefined),
    );
    stage.prove(
      "a client of 2025-11-25 that waits for its result is shown a form (elicitation), once",
      () => {
        assert.equal(shown.length, 1);
        assert.match(shown[0] ?? "", /after 3 epochs\. Go on\?$/);
      },
    );
    const expected = await alone;
    stage.prove("both have the very loss and accuracy of a training that nobody asked about", () =>
      assert.deepEqual([tools, form], expected),
    );
  },
};

async function bothParked({ record }: Stage, taskIds: readonly string[]): Promise<void> {
  await eventually("both trainings wait for an answer", async () => {
    const tasks = await Promise.all(taskIds.map((id) => record.summary({ taskId: id as TaskId })));
    return tasks.every((task) => task?.phase === "parked") ? true : undefined;
  });
}
