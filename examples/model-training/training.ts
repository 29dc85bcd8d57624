/**
 * Training, epoch by epoch. Epoch `n` depends on the model after epoch `n - 1`, the data and the seed, and on nothing
 * else: the order of the samples is derived from seed and epoch. So a training that was killed and goes on from the
 * model saved last ends with the very weights, bit for bit, of one that was left alone.
 */
import { setImmediate } from "node:timers/promises";

import type { Dataset } from "./dataset.ts";
import { initialWeights, Network, type Shape } from "./network.ts";
import { seeded, shuffledIndices } from "./random.ts";
import { type Settings, type SettingsInput, settingsSchema } from "./settings.ts";

export interface Model {
  readonly settings: Settings;
  /** How many epochs it was trained. */
  readonly epoch: number;
  /** The mean cross-entropy in its last epoch; before the first, that of guessing. */
  readonly loss: number;
  readonly weights: Float32Array;
}

/** A model that has learnt nothing. */
export function fresh(data: Dataset, input: SettingsInput = {}): Model {
  const settings = settingsSchema.parse(input);
  const weights = initialWeights(shapeOf(data, settings), seeded(settings.seed));
  return { settings, epoch: 0, loss: Math.log(data.classes), weights };
}

/**
 * The model after one more epoch; the one given stays as it is. Lets the event loop run after every mini-batch
 * (about 1 ms), so that heartbeats and other requests are served meanwhile.
 * @throws the signal's reason, once it is aborted.
 */
export async function trainEpoch(
  model: Model,
  data: Dataset,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Model> {
  const { batch, rate, seed } = model.settings;
  const { train } = data;
  const epoch = model.epoch + 1;
  const network = new Network(shapeOf(data, model.settings), model.weights.slice());
  const order = shuffledIndices(train.count, seeded(seed, epoch));
  let loss = 0;
  for (let from = 0; from < train.count; from += batch) {
    options.signal?.throwIfAborted();
    const indices = order.subarray(from, from + batch);
    loss += network.learn(train, indices, rate) * indices.length;
    await setImmediate();
  }
  return { ...model, epoch, loss: loss / train.count, weights: network.weights };
}

/** The share of samples that the model puts into the right class, from 0 to 1. */
export function evaluate(model: Model, data: Dataset, part: "validation" | "test" = "validation"): number {
  const samples = data[part];
  const network = new Network(shapeOf(data, model.settings), model.weights);
  let right = 0;
  for (let i = 0; i < samples.count; i++) {
    const image = samples.images.subarray(i * data.pixels, (i + 1) * data.pixels);
    if (network.classify(image) === samples.labels[i]) right++;
  }
  return right / samples.count;
}

function shapeOf(data: Dataset, { hidden }: Settings): Shape {
  return { pixels: data.pixels, hidden, classes: data.classes };
}
