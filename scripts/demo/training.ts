/** The training that all clients ask for, and what comes of it without any server. */
import { z } from "zod";
import { loadDigits } from "../../examples/model-training/dataset.ts";
import { evaluate, fresh, trainEpoch } from "../../examples/model-training/training.ts";

export interface TrainingInput {
  readonly epochs: number;
  readonly hidden: number;
  readonly seed: number;
  readonly [name: string]: number;
}

const resultSchema = z.object({ epochs: z.number(), loss: z.number(), accuracy: z.number() });
export type TrainingResult = z.output<typeof resultSchema>;

/** The result in what any tool call returned. @throws where there is none */
export function resultIn(answer: unknown): TrainingResult {
  return z.object({ structuredContent: resultSchema }).parse(answer).structuredContent;
}

/** The bare loop: same data, same seed, no server, no tasks, no interruption. */
export async function trainAlone({ epochs, ...settings }: TrainingInput): Promise<TrainingResult> {
  const data = await loadDigits();
  let model = fresh(data, settings);
  while (model.epoch < epochs) model = await trainEpoch(model, data);
  return { epochs, loss: model.loss, accuracy: evaluate(model, data, "test") };
}

/** `3/8: loss 0.214` is how a task's status message tells its progress. */
export function parseProgress(message: string | undefined) {
  const [, done, total, text] = /^(\d+)\/(\d+)(?:: (.*))?$/.exec(message ?? "") ?? [];
  if (done === undefined || total === undefined) return undefined;
  return { done: Number(done), total: Number(total), message: text };
}
