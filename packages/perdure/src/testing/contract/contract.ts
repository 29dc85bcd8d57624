/**
 * The contract of a {@link TaskStore}, as cases that any test runner can run. Nothing here knows a store: the adapter
 * opens an empty one for every case, with a clock that only the case moves.
 *
 * Some of the contract shows only to a second store on the same data: what a process leaves behind when it dies, and
 * what others do meanwhile. Cases that need this say so, and exist only for adapters that offer it: a store that lives
 * in memory has no second process, and nothing is skipped.
 */
import type { TaskStore } from "../../store/store.ts";
import { ManualClock } from "../manual-clock.ts";
import { ContractHarness } from "./harness.ts";

/**
 * What the store has beside itself, or is: `exclusive`, one of its processes executes at a time; `shared`, all do. A
 * store that offers `attach` is one of the two.
 */
export type ContractNeed = "reopen" | "attach" | "exclusive" | "shared" | "backup";

/** A store opened for one case. */
export interface StoreUnderTest {
  readonly store: TaskStore;
  /**
   * `reopen`: ends the store opened last as the death of its process would, releasing nothing, and opens the same data
   * again, as the next process does.
   */
  readonly reopen?: () => Promise<TaskStore>;
  /** `attach`: opens one more store on the same data, as another process does meanwhile. */
  readonly attach?: () => Promise<TaskStore>;
  /** `backup`: has the store write a copy of itself, and opens the copy. */
  readonly backup?: () => Promise<TaskStore>;
  /** Closes every store that it opened, and removes the data. A case may have closed a store before. */
  readonly dispose: () => Promise<void>;
}

export interface ContractCase {
  readonly group: string;
  readonly name: string;
  readonly needs?: ContractNeed;
  readonly run: (harness: ContractHarness) => Promise<void>;
}

export interface StoreAdapter {
  /** Names the store in the output. */
  readonly name: string;
  /** What {@link StoreUnderTest} has here beside a store. */
  readonly offers?: readonly ContractNeed[];
  /** Opens an empty store which takes all its time from `clock`. */
  readonly open: (clock: ManualClock) => Promise<StoreUnderTest>;
}

/** The two functions that vitest, `node:test` and others have in common. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, run: () => Promise<void>) => unknown;
}

/** Cases of one theme, written as `name: run`. */
export function casesOf(
  group: string,
  cases: Readonly<Record<string, ContractCase["run"]>>,
  needs?: ContractNeed,
): readonly ContractCase[] {
  return Object.entries(cases).map(([name, run]) => ({
    group,
    name,
    run,
    ...(needs === undefined ? {} : { needs }),
  }));
}

/** Registers those of `cases` that the store's adapter can run with a test runner. */
export function describeCases(
  cases: readonly ContractCase[],
  { name, offers = [], open, describe, it }: StoreAdapter & TestRunner,
): void {
  const possible = cases.filter(({ needs }) => needs === undefined || offers.includes(needs));
  describe(`TaskStore contract: ${name}`, () => {
    for (const [group, members] of Map.groupBy(possible, (member) => member.group)) {
      describe(group, () => {
        for (const member of members) it(member.name, () => runCase(member, open));
      });
    }
  });
}

async function runCase(contractCase: ContractCase, open: StoreAdapter["open"]): Promise<void> {
  const clock = new ManualClock();
  const opened = await open(clock);
  try {
    await contractCase.run(new ContractHarness(clock, opened));
  } finally {
    await opened.dispose();
  }
}
