/**
 * A small data set for tests: noisy images of 4 × 4 pixels, of which the class is the row that is bright. A network
 * learns it in milliseconds.
 */
import type { Dataset, Samples } from "./dataset.ts";
import { seeded } from "./random.ts";

export const stripes: Dataset = {
  pixels: 16,
  classes: 4,
  train: samples(400, 1),
  validation: samples(100, 2),
  test: samples(100, 3),
};

function samples(count: number, seed: number): Samples {
  const random = seeded(seed);
  const labels = Uint8Array.from({ length: count }, () => Math.floor(random() * 4));
  const images = Uint8Array.from({ length: count * 16 }, (_, pixel) => {
    const bright = Math.floor((pixel % 16) / 4) === labels[Math.floor(pixel / 16)];
    return Math.floor(random() * 120) + (bright ? 100 : 0);
  });
  return { count, images, labels };
}
