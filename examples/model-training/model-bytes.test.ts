import { serialize } from "node:v8";
import { expect, test } from "vitest";

import { decodeModel, encodeModel } from "./model-bytes.ts";
import { stripes } from "./stripes.fixture.ts";
import { fresh, trainEpoch } from "./training.ts";

test("a model comes back equal", async () => {
  const model = await trainEpoch(fresh(stripes, { seed: 5 }), stripes);
  expect(decodeModel(encodeModel(model))).toEqual(model);
});

test.each([1, 2, 3, 5])("also from bytes that begin %i bytes into a buffer", (offset) => {
  const model = fresh(stripes);
  const bytes = encodeModel(model);
  const buffer = new Uint8Array(bytes.length + offset);
  buffer.set(bytes, offset);
  expect(decodeModel(buffer.subarray(offset))).toEqual(model);
});

test("a few bytes more than the weights", () => {
  const model = fresh(stripes, { hidden: 512 });
  expect(encodeModel(model).length).toBeLessThan(model.weights.byteLength + 500);
});

test("what is no model is refused", () => {
  const model = fresh(stripes);
  const deserializing = /deserialize/;
  expect(() => decodeModel(new Uint8Array())).toThrow(deserializing);
  expect(() => decodeModel(Buffer.from("not a model"))).toThrow(deserializing);
  expect(() => decodeModel(encodeModel(model).subarray(0, 100))).toThrow(deserializing);
  expect(() => decodeModel(serialize({ format: 2, model }))).toThrow("format");
  expect(() => decodeModel(serialize({ format: 1, model: { ...model, weights: [1, 2] } }))).toThrow(
    "weights",
  );
});
