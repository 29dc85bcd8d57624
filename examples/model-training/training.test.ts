import { describe, expect, test } from "vitest";

import { loadDigits } from "./dataset.ts";
import { decodeModel, encodeModel } from "./model-bytes.ts";
import { stripes } from "./stripes.fixture.ts";
import { evaluate, fresh, type Model, trainEpoch } from "./training.ts";

async function trained(from: Model, epochs: number): Promise<Model> {
  let model = from;
  while (model.epoch < epochs) model = await trainEpoch(model, stripes);
  return model;
}

describe("training", () => {
  test("learns", async () => {
    const model = await trained(fresh(stripes, { rate: 0.1 }), 10);
    expect(model.epoch).toBe(10);
    expect(model.loss).toBeLessThan(0.2);
    expect(evaluate(model, stripes)).toBeGreaterThan(0.95);
    expect(evaluate(model, stripes, "test")).toBeGreaterThan(0.95);
  });

  test("is judged on the part that is named", async () => {
    const model = await trained(fresh(stripes, { rate: 0.1 }), 10);
    const mislabelled = { ...stripes.test, labels: stripes.test.labels.map((label) => (label + 1) % 4) };
    const data = { ...stripes, test: mislabelled };
    expect(evaluate(model, data, "test")).toBeLessThan(0.05);
    expect(evaluate(model, data)).toBeGreaterThan(0.95);
  });

  test("learns to read handwritten digits", { timeout: 30_000 }, async () => {
    const digits = await loadDigits();
    const untrained = fresh(digits);
    expect(evaluate(untrained, digits)).toBeLessThan(0.3);
    const once = await trainEpoch(untrained, digits);
    expect(evaluate(once, digits)).toBeGreaterThan(0.7);
    const twice = await trainEpoch(once, digits);
    expect(twice.loss).toBeLessThan(once.loss);
    expect(evaluate(twice, digits)).toBeGreaterThan(evaluate(once, digits));
  });

  test("equal seeds give equal models, others others", async () => {
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map((seed) => trained(fresh(stripes, { seed }), 2)),
    );
    expect(same).toEqual(one);
    expect(other?.weights).not.toEqual(one?.weights);
  });

  test("leaves the model it was given as it was", async () => {
    const model = fresh(stripes);
    const before = model.weights.slice();
    await trainEpoch(model, stripes);
    expect(model.epoch).toBe(0);
    expect(model.weights).toEqual(before);
  });

  test.each([{ hidden: 0 }, { rate: 0 }, { rate: 2 }, { batch: 0 }, { batch: 1.5 }, { seed: -1 }])(
    "refuses %j",
    (settings) => {
      expect(() => fresh(stripes, settings)).toThrow(Object.keys(settings)[0]);
    },
  );

  test("a batch greater than the data is the whole data", async () => {
    const model = await trained(fresh(stripes, { batch: 1_000 }), 1);
    expect(model.loss).toBeGreaterThan(0);
  });
});

describe("a training that is interrupted", () => {
  test.each([1, 2, 3, 4])("after epoch %i goes on to the same bits", async (epoch) => {
    const undisturbed = await trained(fresh(stripes), 5);
    const saved = encodeModel(await trained(fresh(stripes), epoch));
    const resumed = await trained(decodeModel(saved), 5);
    expect(Buffer.compare(encodeModel(resumed), encodeModel(undisturbed))).toBe(0);
  });

  test("in the middle of an epoch repeats the epoch, to the same bits", async () => {
    const model = await trained(fresh(stripes), 2);
    const abort = new AbortController();
    const interrupted = trainEpoch(model, stripes, { signal: abort.signal });
    setImmediate(() => abort.abort(new Error("killed")));
    await expect(interrupted).rejects.toThrow("killed");
    expect(await trained(model, 3)).toEqual(await trained(fresh(stripes), 3));
  });

  test("before it began does nothing", async () => {
    const reason = new Error("cancelled before");
    await expect(trainEpoch(fresh(stripes), stripes, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });
});

test("the event loop runs while an epoch does", async () => {
  let turns = 0;
  let training = true;
  const count = () => {
    turns++;
    if (training) setImmediate(count);
  };
  setImmediate(count);
  await trainEpoch(fresh(stripes, { batch: 10 }), stripes);
  training = false;
  expect(turns).toBeGreaterThanOrEqual(39);
});
