/**
 * A network with one hidden layer: pixels → hidden (ReLU) → one probability per class (softmax), trained by stochastic
 * gradient descent on the cross-entropy.
 *
 * Why not a library: what this example needs of one is that a training can stop at any epoch and go on in another
 * process with the same numbers, without holding up the event loop. ml-logistic-regression 2.0 and ml-fnn 5.0 train in
 * one synchronous call, the first always from zero. TensorFlow.js 4.22 shuffles with `Math.random`, and its JavaScript
 * backend took 4 s for an epoch that takes 0.3 s here, 510 MB of memory, and 294 MB of node_modules.
 *
 * All weights are one flat array: to copy, save or move along a gradient is one operation on it. The weights of one
 * pixel (or one hidden unit) lie together, so black pixels, four of five, are skipped as whole rows.
 */
import type { Samples } from "./dataset.ts";
import type { Random } from "./random.ts";

export interface Shape {
  readonly pixels: number;
  readonly hidden: number;
  readonly classes: number;
}

export class Network {
  readonly shape: Shape;
  readonly weights: Float32Array;
  readonly #weights: Layers;
  readonly #gradient: Float32Array;
  readonly #gradients: Layers;
  readonly #hidden: Float32Array;
  readonly #hiddenError: Float32Array;
  readonly #output: Float32Array;

  /** Learns in place: the weights given are the network's own from now on. */
  constructor(shape: Shape, weights: Float32Array) {
    if (weights.length !== weightCount(shape)) {
      const { pixels, hidden, classes } = shape;
      throw new RangeError(
        `A network of ${pixels}, ${hidden} and ${classes} units has ${weightCount(shape)} weights; ${weights.length} came.`,
      );
    }
    this.shape = shape;
    this.weights = weights;
    this.#weights = layersOf(weights, shape);
    this.#gradient = new Float32Array(weights.length);
    this.#gradients = layersOf(this.#gradient, shape);
    this.#hidden = new Float32Array(shape.hidden);
    this.#hiddenError = new Float32Array(shape.hidden);
    this.#output = new Float32Array(shape.classes);
  }

  /** The class that it holds most probable. */
  classify(image: Uint8Array): number {
    const probabilities = this.#forward(image);
    return probabilities.indexOf(Math.max(...probabilities));
  }

  /** One step of gradient descent on one mini-batch. Returns the mean loss before the step. */
  learn(samples: Samples, batch: Uint32Array, rate: number): number {
    const { pixels } = this.shape;
    this.#gradient.fill(0);
    let loss = 0;
    for (const index of batch) {
      const image = samples.images.subarray(index * pixels, (index + 1) * pixels);
      const label = samples.labels[index] as number;
      loss -= Math.log(Math.max(this.#forward(image)[label] as number, 1e-12));
      this.#backward(image, label);
    }
    addScaled(this.weights, 0, -rate / batch.length, this.#gradient, 0, this.weights.length);
    return loss / batch.length;
  }

  #forward(image: Uint8Array): Float32Array {
    const { hidden, classes } = this.shape;
    const layers = this.#weights;
    this.#hidden.set(layers.hiddenBias);
    for (let pixel = 0; pixel < image.length; pixel++) {
      const grey = image[pixel] as number;
      if (grey > 0) addScaled(this.#hidden, 0, grey / 255, layers.toHidden, pixel * hidden, hidden);
    }
    this.#output.set(layers.outputBias);
    for (let unit = 0; unit < hidden; unit++) {
      const signal = Math.max(this.#hidden[unit] as number, 0);
      this.#hidden[unit] = signal;
      if (signal > 0) addScaled(this.#output, 0, signal, layers.toOutput, unit * classes, classes);
    }
    softmax(this.#output);
    return this.#output;
  }

  /** Adds one sample's gradient. What `#forward` left in `#hidden` and `#output` belongs to the same sample. */
  #backward(image: Uint8Array, label: number): void {
    const { hidden, classes } = this.shape;
    const gradients = this.#gradients;
    const outputError = this.#output;
    (outputError[label] as number) -= 1;
    addScaled(gradients.outputBias, 0, 1, outputError, 0, classes);
    for (let unit = 0; unit < hidden; unit++) {
      const signal = this.#hidden[unit] as number;
      const active = signal > 0;
      this.#hiddenError[unit] = active ? dot(this.#weights.toOutput, unit * classes, outputError) : 0;
      if (active) addScaled(gradients.toOutput, unit * classes, signal, outputError, 0, classes);
    }
    addScaled(gradients.hiddenBias, 0, 1, this.#hiddenError, 0, hidden);
    for (let pixel = 0; pixel < image.length; pixel++) {
      const grey = image[pixel] as number;
      if (grey > 0) addScaled(gradients.toHidden, pixel * hidden, grey / 255, this.#hiddenError, 0, hidden);
    }
  }
}

/** Uniform and scaled to the number of inputs (He), so that the signal keeps its size; biases are zero. */
export function initialWeights(shape: Shape, random: Random): Float32Array {
  const weights = new Float32Array(weightCount(shape));
  const layers = layersOf(weights, shape);
  for (const [layer, inputs] of [
    [layers.toHidden, shape.pixels] as const,
    [layers.toOutput, shape.hidden] as const,
  ]) {
    const limit = Math.sqrt(6 / inputs);
    for (let i = 0; i < layer.length; i++) layer[i] = (random() * 2 - 1) * limit;
  }
  return weights;
}

function weightCount({ pixels, hidden, classes }: Shape): number {
  return pixels * hidden + hidden + hidden * classes + classes;
}

interface Layers {
  readonly toHidden: Float32Array;
  readonly hiddenBias: Float32Array;
  readonly toOutput: Float32Array;
  readonly outputBias: Float32Array;
}

/** Views of the parts of one flat array. */
function layersOf(all: Float32Array, { pixels, hidden, classes }: Shape): Layers {
  const hiddenBiasFrom = pixels * hidden;
  const toOutputFrom = hiddenBiasFrom + hidden;
  const outputBiasFrom = toOutputFrom + hidden * classes;
  return {
    toHidden: all.subarray(0, hiddenBiasFrom),
    hiddenBias: all.subarray(hiddenBiasFrom, toOutputFrom),
    toOutput: all.subarray(toOutputFrom, outputBiasFrom),
    outputBias: all.subarray(outputBiasFrom),
  };
}

/** `target[at…] += factor × source[from…]`, `count` elements: nearly all of the time is spent here. */
function addScaled(
  target: Float32Array,
  at: number,
  factor: number,
  source: Float32Array,
  from: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) (target[at + i] as number) += factor * (source[from + i] as number);
}

/** The dot product of `vector` with the row of `matrix` that begins at `from`. */
function dot(matrix: Float32Array, from: number, vector: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (matrix[from + i] as number) * (vector[i] as number);
  return sum;
}

/** In place. The greatest is subtracted first, so that no exponential overflows. */
function softmax(values: Float32Array): void {
  const greatest = Math.max(...values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp((values[i] as number) - greatest);
  for (let i = 0; i < values.length; i++) (values[i] as number) /= sum;
}
