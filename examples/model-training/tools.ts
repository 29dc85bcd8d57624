/** The two long-running tools. Both follow the rule for loops: save the state after every turn, begin from the saved one. */
import type { App, TaskContext } from "perdure";
import { z } from "zod";

import { type Dataset, loadDigits } from "./dataset.ts";
import { decodeModel, encodeModel } from "./model-bytes.ts";
import { roundsWithoutBetter, search, type SearchState } from "./search.ts";
import { settingsSchema } from "./settings.ts";
import { evaluate, fresh, type Model, trainEpoch } from "./training.ts";

const accuracySchema = z.number().min(0).max(1);
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

export function declareTools(app: App) {
  return { trainModel: declareTraining(app), searchSettings: declareSearch(app) };
}

function declareTraining(app: App) {
  return app.task(
    "train_model",
    {
      description:
        "Train a classifier of handwritten digits, epoch by epoch, and measure its accuracy on digits it never saw. " +
        "Takes seconds to minutes.",
      input: settingsSchema.extend({
        epochs: z.int().min(1).max(10_000).default(10),
        ask_after: z.int().min(1).optional().describe("Ask a person after so many epochs whether to go on"),
      }),
      output: z.object({ epochs: z.int(), loss: z.number(), accuracy: accuracySchema }),
      asks: true,
    },
    async ({ epochs, ask_after = Infinity, ...settings }, task) => {
      const data = await loadDigits();
      const saved = await task.saved<Uint8Array>();
      let model = saved === undefined ? fresh(data, settings) : decodeModel(saved);
      let goOn: boolean | undefined;
      while (model.epoch < epochs) {
        // Come to in every run, also in one that goes on from a later epoch: then it is answered at once.
        if (model.epoch >= ask_after) goOn ??= await asksToGoOn(task, model, data);
        if (goOn === false) break;
        model = await trainEpoch(model, data, task);
        await task.save(encodeModel(model));
        const report = `loss ${model.loss.toFixed(3)}, accuracy ${percent(evaluate(model, data))}`;
        task.progress(model.epoch, epochs, report);
      }
      return { epochs: model.epoch, loss: model.loss, accuracy: evaluate(model, data, "test") };
    },
  );
}

async function asksToGoOn(task: TaskContext, model: Model, data: Dataset): Promise<boolean> {
  const message = `Accuracy ${percent(evaluate(model, data))} after ${model.epoch} epochs. Go on?`;
  const { go_on } = await task.ask(message, z.object({ go_on: z.boolean() }), { name: "go on" });
  return go_on;
}

function declareSearch(app: App) {
  return app.task(
    "search_settings",
    {
      description:
        "Search good settings for train_model by trying random ones until none better was found for `patience` rounds. " +
        "Nobody can say how long it takes.",
      input: z.object({
        patience: z.int().min(1).max(1_000).default(15).describe("Rounds without a better one until it ends"),
        seed: z.int().min(0).default(1).describe("Equal seeds search alike"),
      }),
      output: z.object({ rounds: z.int(), settings: settingsSchema, accuracy: accuracySchema }),
    },
    async ({ patience, seed }, task) => {
      const { rounds, best } = await search(await loadDigits(), {
        patience,
        seed,
        from: await task.saved<SearchState>(),
        signal: task.signal,
        onRound: async (state) => {
          await task.save(state);
          const found =
            state.best === undefined ? "nothing yet" : `best accuracy ${percent(state.best.accuracy)}`;
          task.progress(
            state.rounds,
            undefined,
            `${found}, for ${roundsWithoutBetter(state)} of ${patience} rounds`,
          );
        },
      });
      if (best === undefined) throw new Error(`No settings classified a single digit in ${rounds} rounds.`);
      return { rounds, settings: best.settings, accuracy: best.accuracy };
    },
  );
}
