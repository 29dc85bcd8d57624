/** What a scenario is given. */
import type { Random } from "./random.ts";
import type { Report } from "./report.ts";

export interface Stage {
  /** Its own, empty. */
  readonly folder: string;
  readonly seed: number;
  readonly random: Random;
  /** How many random kills are wanted. */
  readonly kills: number;
  readonly report: Report;
}

export interface Scenario {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}
