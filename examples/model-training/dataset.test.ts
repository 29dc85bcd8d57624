import { beforeAll, expect, test } from "vitest";

import { type Dataset, first, loadDigits, type Samples } from "./dataset.ts";

let data: Dataset;
beforeAll(async () => {
  data = await loadDigits();
});

function imagesOf({ images, count }: Samples): string[] {
  const pixels = images.length / count;
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(images.subarray(i * pixels, (i + 1) * pixels)).toString("latin1"),
  );
}

test("10,000 digits in three parts", () => {
  expect([data.train.count, data.validation.count, data.test.count]).toEqual([7_000, 1_000, 2_000]);
  for (const part of [data.train, data.validation, data.test]) {
    expect(part.labels).toHaveLength(part.count);
    expect(part.images).toHaveLength(part.count * data.pixels);
  }
});

test("no image is in two parts", () => {
  const all = [data.train, data.validation, data.test].flatMap(imagesOf);
  expect(new Set(all).size).toBe(10_000);
});

test("every part has every digit, about equally often", () => {
  for (const part of [data.train, data.validation, data.test]) {
    for (let digit = 0; digit < data.classes; digit++) {
      const share = part.labels.filter((label) => label === digit).length / part.count;
      expect(share).toBeGreaterThan(0.07);
      expect(share).toBeLessThan(0.13);
    }
  }
});

test("pixels are whole greys: black at the corners, white somewhere", () => {
  for (const image of imagesOf(first(data.train, 100))) {
    expect(image.charCodeAt(0)).toBe(0);
    expect(Math.max(...Buffer.from(image, "latin1"))).toBeGreaterThan(200);
  }
});

test("equal seeds deal equally, others otherwise", async () => {
  const [same, other] = await Promise.all([loadDigits({ seed: 1 }), loadDigits({ seed: 2 })]);
  expect(Buffer.compare(same.test.images, data.test.images)).toBe(0);
  expect(Buffer.compare(same.train.labels, data.train.labels)).toBe(0);
  expect(Buffer.compare(other.test.images, data.test.images)).not.toBe(0);
});

test("the first samples of a part", () => {
  const some = first(data.train, 3);
  expect(some.count).toBe(3);
  expect(imagesOf(some)).toEqual(imagesOf(data.train).slice(0, 3));
  expect(first(data.validation, 5_000).count).toBe(1_000);
});
