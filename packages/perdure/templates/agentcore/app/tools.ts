/** The tools. This one fits a line to points, and takes its time: put your own in its place. */
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "perdure";
import { z } from "zod";

/** A type, not an interface: what is saved is JSON. */
type Model = { readonly epoch: number; readonly slope: number; readonly intercept: number };

const points = Array.from({ length: 100 }, (_, i) => ({ x: i / 100, y: (3 * i) / 100 - 1 }));

export function declareTools(app: App): void {
  app.task(
    "train_model",
    {
      description: "Trains a model, epoch by epoch, and measures its accuracy. Takes minutes.",
      input: z.object({
        epochs: z.int().min(1).max(10_000).default(60).describe("Passes over the data, each of a second"),
      }),
      output: z.object({ epochs: z.int(), accuracy: z.number() }),
      // Whoever calls is answered at once, and gets the result in its conversation.
      start: "background",
    },
    async ({ epochs }, task) => {
      // After a crash, or in another process: the model that was saved last.
      let model: Model = (await task.saved<Model>()) ?? { epoch: 0, slope: 0, intercept: 0 };
      while (model.epoch < epochs) {
        await sleep(1_000, undefined, { signal: task.signal });
        model = trained(model);
        await task.save(model);
        task.progress(model.epoch, epochs);
      }
      return { epochs, accuracy: accuracyOf(model) };
    },
  );
}

function trained({ epoch, slope, intercept }: Model): Model {
  const rate = 0.2;
  let [a, b] = [slope, intercept];
  for (const { x, y } of points) {
    const error = a * x + b - y;
    a -= rate * error * x;
    b -= rate * error;
  }
  return { epoch: epoch + 1, slope: a, intercept: b };
}

/** The share of points that lie on the line, or nearly. */
function accuracyOf({ slope, intercept }: Model): number {
  return points.filter(({ x, y }) => Math.abs(slope * x + intercept - y) < 0.1).length / points.length;
}
