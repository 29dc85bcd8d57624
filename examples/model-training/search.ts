/**
 * A search for good settings, of which nobody can say how long it takes: random settings are tried, round by round,
 * until `patience` rounds in a row brought nothing better. It may be over after ten rounds or after a hundred; it does
 * end, since there are only so many accuracies that one can be better than.
 *
 * A round depends on the seed and its number alone, so the state to save is small: how far it came, and the best.
 */
import { type Dataset, first } from "./dataset.ts";
import { seeded } from "./random.ts";
import type { Settings } from "./settings.ts";
import { evaluate, fresh, trainEpoch } from "./training.ts";

/** A round is short, a few tenths of a second: good settings show early, and on few samples. */
const samplesPerRound = 4_000;
const epochsPerRound = 2;

const choices = { hidden: [16, 32, 64], batch: [8, 16, 32, 64], lowestRate: 0.003, highestRate: 1 };

/** Plain JSON; as types, not interfaces, so that TypeScript knows them to be. */
export type SearchState = {
  readonly seed: number;
  /** Rounds played. */
  readonly rounds: number;
  readonly best?: Trial;
};

export type Trial = {
  readonly round: number;
  readonly settings: Settings;
  /** On the validation samples, from 0 to 1. */
  readonly accuracy: number;
};

export interface SearchOptions {
  /** The search ends after so many rounds without a better one. */
  readonly patience: number;
  readonly seed?: number | undefined;
  /** Goes on from here. */
  readonly from?: SearchState | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called, and awaited, after every round: the place to save and to report. */
  readonly onRound?: (state: SearchState, trial: Trial) => Promise<void> | void;
}

/** @throws the signal's reason, once it is aborted. */
export async function search(data: Dataset, options: SearchOptions): Promise<SearchState> {
  const some = { ...data, train: first(data.train, samplesPerRound) };
  let state: SearchState = options.from ?? { seed: options.seed ?? 1, rounds: 0 };
  while (roundsWithoutBetter(state) < options.patience) {
    const trial = await playRound(state, some, options.signal);
    const best = trial.accuracy > (state.best?.accuracy ?? 0) ? trial : state.best;
    state = { seed: state.seed, rounds: trial.round, ...(best && { best }) };
    await options.onRound?.(state, trial);
  }
  return state;
}

export function roundsWithoutBetter({ rounds, best }: SearchState): number {
  return rounds - (best?.round ?? 0);
}

async function playRound(state: SearchState, data: Dataset, signal: AbortSignal | undefined): Promise<Trial> {
  const round = state.rounds + 1;
  const settings = randomSettings(state.seed, round);
  let model = fresh(data, settings);
  while (model.epoch < epochsPerRound) model = await trainEpoch(model, data, { signal });
  return { round, settings, accuracy: evaluate(model, data) };
}

function randomSettings(seed: number, round: number): Settings {
  const random = seeded(seed, round);
  const oneOf = (values: readonly number[]) => values[Math.floor(random() * values.length)] as number;
  const { lowestRate, highestRate } = choices;
  const rate = lowestRate * (highestRate / lowestRate) ** random();
  return {
    hidden: oneOf(choices.hidden),
    batch: oneOf(choices.batch),
    rate: Number(rate.toPrecision(2)),
    seed,
  };
}
