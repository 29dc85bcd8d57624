/** Training, in a thread: an epoch computes without a pause, and nobody else waits for it. */
import type { TaskContext } from "perdure";
import { z } from "zod";

import { type Dataset, loadDigits } from "./dataset.ts";
import { decodeModel, encodeModel } from "./model-bytes.ts";
import type { Settings } from "./settings.ts";
import { evaluate, fresh, type Model, trainEpoch } from "./training.ts";

export interface TrainingOrder extends Settings {
  readonly epochs: number;
  readonly ask_after?: number | undefined;
}

export interface Trained {
  readonly epochs: number;
  readonly loss: number;
  readonly accuracy: number;
}

export default async function train(order: TrainingOrder, task: TaskContext): Promise<Trained> {
  const { epochs, ask_after = Infinity, ...settings } = order;
  const data = await loadDigits();
  const saved = await task.saved<Uint8Array>();
  let model = saved === undefined ? fresh(data, settings) : decodeModel(saved);
  let goOn: boolean | undefined;
  while (model.epoch < epochs) {
    // Come to in every run, also in one that goes on from a later epoch: then it is answered at once.
    if (model.epoch >= ask_after) goOn ??= await asksToGoOn(task, model, data);
    if (goOn === false) break;
    model = await trainEpoch(model, data, task);
    requireLearning(model, data);
    await task.save(encodeModel(model));
    const report = `loss ${model.loss.toFixed(3)}, accuracy ${(evaluate(model, data) * 100).toFixed(1)} %`;
    task.progress(model.epoch, epochs, report);
  }
  return { epochs: model.epoch, loss: model.loss, accuracy: evaluate(model, data, "test") };
}

/** @throws Error for one that still guesses, or worse */
function requireLearning({ epoch, loss, settings }: Model, { classes }: Dataset): void {
  if (epoch < 2 || loss <= Math.log(classes)) return;
  throw new Error(
    `After ${epoch} epochs the model is worse than guessing: its loss is ${loss.toFixed(2)}. ` +
      `A rate of ${settings.rate} is wrong for it.`,
  );
}

async function asksToGoOn(task: TaskContext, model: Model, data: Dataset): Promise<boolean> {
  const accuracy = (evaluate(model, data) * 100).toFixed(1);
  const message = `Accuracy ${accuracy} % after ${model.epoch} epochs. Go on?`;
  const { go_on } = await task.ask(message, z.object({ go_on: z.boolean() }), { name: "go on" });
  return go_on;
}
