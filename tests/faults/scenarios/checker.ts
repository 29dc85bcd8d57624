/** The checker is tried first: it must find every planted bug, and nothing where there is none. */
import { ruleNames } from "../checker.ts";
import { tryChecker } from "../planted.ts";
import type { Scenario } from "../scenario.ts";

export const checker: Scenario = {
  name: "checker",
  async run({ report }) {
    const { plants, faults } = tryChecker();
    report.claim(`the checker, with ${ruleNames.length} rules, finds each of ${plants} planted bugs`, faults);
  },
};
