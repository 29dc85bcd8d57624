/** The two long-running tools. Both compute without a pause, and so each runs in a thread of its own. */
import { type App, thread } from "perdure";
import { z } from "zod";

import type searchSettings from "./search.worker.ts";
import { settingsSchema } from "./settings.ts";
import type train from "./train.worker.ts";

const accuracySchema = z.number().min(0).max(1);

/** `start: "background"`: a training is handed over at once, whoever asks. */
export interface ToolsOptions {
  readonly start?: "held" | "background";
}

export function declareTools(app: App, { start = "held" }: ToolsOptions = {}) {
  return { trainModel: declareTraining(app, start), searchSettings: declareSearch(app) };
}

function declareTraining(app: App, start: "held" | "background") {
  return app.task("train_model", {
    description:
      "Train a classifier of handwritten digits, epoch by epoch, and measure its accuracy on digits it never saw. " +
      "Takes seconds to minutes.",
    input: settingsSchema.extend({
      epochs: z.int().min(1).max(10_000).default(10),
      ask_after: z.int().min(1).optional().describe("Ask a person after so many epochs whether to go on"),
    }),
    output: z.object({ epochs: z.int(), loss: z.number(), accuracy: accuracySchema }),
    asks: true,
    start,
    // All share the cores: one that came later need not wait for those before it.
    concurrency: 4,
    run: thread<typeof train>(new URL("./train.worker.ts", import.meta.url)),
  });
}

function declareSearch(app: App) {
  return app.task("search_settings", {
    description:
      "Search good settings for train_model by trying random ones until none better was found for `patience` rounds. " +
      "Nobody can say how long it takes.",
    input: z.object({
      patience: z.int().min(1).max(1_000).default(15).describe("Rounds without a better one until it ends"),
      seed: z.int().min(0).default(1).describe("Equal seeds search alike"),
    }),
    output: z.object({ rounds: z.int(), settings: settingsSchema, accuracy: accuracySchema }),
    run: thread<typeof searchSettings>(new URL("./search.worker.ts", import.meta.url)),
  });
}
