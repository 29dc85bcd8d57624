/** The search, in a thread. */
import type { TaskContext } from "perdure";

import { loadDigits } from "./dataset.ts";
import { roundsWithoutBetter, search, type SearchState } from "./search.ts";
import type { Settings } from "./settings.ts";

export interface Found {
  readonly rounds: number;
  readonly settings: Settings;
  readonly accuracy: number;
}

export default async function searchSettings(
  { patience, seed }: { readonly patience: number; readonly seed: number },
  task: TaskContext,
): Promise<Found> {
  const { rounds, best } = await search(await loadDigits(), {
    patience,
    seed,
    from: await task.saved<SearchState>(),
    signal: task.signal,
    onRound: async (state) => {
      await task.save(state);
      const accuracy = state.best && `best accuracy ${(state.best.accuracy * 100).toFixed(1)} %`;
      const fruitless = `for ${roundsWithoutBetter(state)} of ${patience} rounds`;
      task.progress(state.rounds, undefined, `${accuracy ?? "nothing yet"}, ${fruitless}`);
    },
  });
  if (best === undefined) throw new Error(`No settings classified a single digit in ${rounds} rounds.`);
  return { rounds, settings: best.settings, accuracy: best.accuracy };
}
