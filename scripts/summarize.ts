/** Adds up the reports that test runs left in a folder, one JSON file each; the last line is `N passed, N failed`. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** Of vitest's JSON reporter. */
interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("Usage: node scripts/summarize.ts <folder of reports>");

let passed = 0;
let failed = 0;
console.log();
for (const file of readdirSync(folder).toSorted()) {
  const report = JSON.parse(readFileSync(join(folder, file), "utf8")) as Report;
  // A file that does not even load has no test that could fail.
  const failures = report.success ? 0 : Math.max(1, report.numFailedTests);
  const skipped = report.numPendingTests === 0 ? "" : `, ${report.numPendingTests} skipped`;
  console.log(`${basename(file, ".json")}: ${report.numPassedTests} passed, ${failures} failed${skipped}`);
  passed += report.numPassedTests;
  failed += failures;
}
console.log(`${passed} passed, ${failed} failed`);
