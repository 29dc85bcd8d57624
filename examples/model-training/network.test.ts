import { expect, test } from "vitest";

import { initialWeights, Network } from "./network.ts";
import { seeded } from "./random.ts";
import { stripes } from "./stripes.fixture.ts";

const shape = { pixels: 16, hidden: 6, classes: 4 };
const batch = Uint32Array.from([0, 1, 2, 3, 4, 5, 6, 7]);

/** The loss of the batch; with rate 0 a step moves nothing. */
const lossAt = (weights: Float32Array) => new Network(shape, weights).learn(stripes.train, batch, 0);

test("a step goes along the gradient: it agrees with the differences of the loss", () => {
  const weights = initialWeights(shape, seeded(3));
  const stepped = weights.slice();
  new Network(shape, stepped).learn(stripes.train, batch, 1);

  for (let i = 0; i < weights.length; i++) {
    const nudged = (by: number) => {
      const copy = weights.slice();
      (copy[i] as number) += by;
      return lossAt(copy);
    };
    const slope = (nudged(5e-3) - nudged(-5e-3)) / 1e-2;
    const step = (weights[i] as number) - (stepped[i] as number);
    expect(Math.abs(step - slope), `weight ${i}`).toBeLessThan(2e-3);
  }
});

test("steps make the loss smaller", () => {
  const weights = initialWeights(shape, seeded(3));
  const before = lossAt(weights);
  const network = new Network(shape, weights);
  for (let step = 0; step < 50; step++) network.learn(stripes.train, batch, 0.2);
  expect(lossAt(weights)).toBeLessThan(before / 2);
});

test("without weights it guesses: the loss is the logarithm of the number of classes", () => {
  const weights = new Float32Array(initialWeights(shape, seeded(1)).length);
  expect(lossAt(weights)).toBeCloseTo(Math.log(4), 5);
});

test("weights of another shape are refused, with both numbers", () => {
  expect(() => new Network(shape, new Float32Array(5))).toThrow(/16, 6 and 4 units has 130 weights; 5 came/);
});
