/** For tests: of what is built with perdure, and of stores of one's own. */
export {
  type ContractCase,
  type ContractNeed,
  describeStoreContract,
  storeContract,
  type StoreAdapter,
  type StoreUnderTest,
  type TestRunner,
} from "./contract/index.ts";
export { ManualClock } from "./manual-clock.ts";
export {
  type Answers,
  declined,
  type ReplayDifference,
  replayEverywhere,
  type ReplayOptions,
  type ReplayOutcome,
  type ReplayReport,
} from "./replay/replay-everywhere.ts";
