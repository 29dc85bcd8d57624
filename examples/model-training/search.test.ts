import { expect, test } from "vitest";

import { roundsWithoutBetter, search, type SearchState, type Trial } from "./search.ts";
import { stripes } from "./stripes.fixture.ts";

async function record(options: { patience: number; seed?: number; from?: SearchState }) {
  const states: SearchState[] = [];
  const trials: Trial[] = [];
  const end = await search(stripes, {
    ...options,
    onRound: (state, trial) => {
      states.push(state);
      trials.push(trial);
    },
  });
  return { end, states, trials };
}

test("ends when so many rounds in a row brought nothing better, and gives the best of all", async () => {
  const { end, trials } = await record({ patience: 20 });
  expect(roundsWithoutBetter(end)).toBe(20);
  expect(trials).toHaveLength(end.rounds);
  const highest = Math.max(...trials.map((trial) => trial.accuracy));
  expect(end.best, "an equal one later is no better").toEqual(
    trials.find((trial) => trial.accuracy === highest),
  );
  expect(trials.map((trial) => trial.round)).toEqual(trials.map((_, index) => index + 1));
});

test("lasts as long as it lasts: other seeds, other numbers of rounds", async () => {
  const ends = await Promise.all([1, 2, 3, 4, 5].map((seed) => search(stripes, { seed, patience: 4 })));
  expect(new Set(ends.map((end) => end.rounds)).size).toBeGreaterThan(1);
});

test("interrupted after any round, it goes on to the same end", async () => {
  const undisturbed = await record({ patience: 3 });
  for (const state of undisturbed.states) {
    const from = JSON.parse(JSON.stringify(state)) as SearchState;
    const resumed = await record({ patience: 3, from });
    expect(resumed.end).toEqual(undisturbed.end);
    expect(resumed.trials).toEqual(undisturbed.trials.slice(state.rounds));
  }
});

test("waits for onRound before it goes on", async () => {
  let busy = false;
  await search(stripes, {
    patience: 3,
    onRound: async () => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => setTimeout(resolve, 5));
      busy = false;
    },
  });
  expect(busy).toBe(false);
});

test("what onRound throws ends it", async () => {
  const failing = search(stripes, {
    patience: 3,
    onRound: () => Promise.reject(new Error("could not save")),
  });
  await expect(failing).rejects.toThrow("could not save");
});

test("an abort ends it with the reason", async () => {
  const abort = new AbortController();
  const aborted = search(stripes, {
    patience: 1_000,
    signal: abort.signal,
    onRound: (state) => {
      if (state.rounds === 2) abort.abort(new Error("no longer wanted"));
    },
  });
  await expect(aborted).rejects.toThrow("no longer wanted");
});
