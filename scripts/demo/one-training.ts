/** One client, one training, start to end: what the first acts have in common. */
import assert from "node:assert/strict";
import type { ClientKind, Training } from "./clients/client.ts";
import type { Stage } from "./stage.ts";
import { trainAlone, type TrainingInput, type TrainingResult } from "./training.ts";

export interface Played {
  readonly training: Training;
  readonly result: TrainingResult;
  /** Of the same training without any server. */
  readonly alone: TrainingResult;
  /** How far it was, as the client was told. */
  readonly reports: readonly number[];
}

const input: TrainingInput = { epochs: 8, hidden: 32, seed: 1 };
let trained: Promise<TrainingResult> | undefined;

export async function playTraining(stage: Stage, client: ClientKind): Promise<Played> {
  const reports: number[] = [];
  trained ??= trainAlone(input);
  const alone = await trained;
  const training = await client.start(stage.url, input, (report) => {
    if (report.done !== reports.at(-1)) reports.push(report.done);
    stage.bars.report(client.label, report);
  });
  const result = await training.result;
  stage.bars.stop();
  return { training, result, alone, reports };
}

/** Of both generations of tasks. */
export async function proveTaskAtOnce(stage: Stage, client: ClientKind): Promise<void> {
  const played = await playTraining(stage, client);
  const { answeredMs = Number.NaN } = played.training;
  stage.prove(`a task at once: the call was answered after ${answeredMs.toFixed(0)} ms`, () => {
    assert.ok(played.training.taskId);
    assert(answeredMs < 1_000, `${answeredMs} ms`);
  });
  stage.prove(
    `its status told the progress while it worked (${played.reports.length} times something new)`,
    () => assert(played.reports.length >= 2, `${played.reports.length} times`),
  );
  proveResult(stage, played);
}

export function proveResult(stage: Stage, { result, alone }: Played): void {
  const accuracy = (result.accuracy * 100).toFixed(1);
  stage.prove(`accuracy ${accuracy} %, the very numbers of the training loop run by itself`, () =>
    assert.deepEqual(result, alone),
  );
}
