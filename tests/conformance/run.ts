/**
 * Runs the official conformance suite, scenario by scenario, against a server of ours.
 *
 *   node tests/conformance/run.ts [--only NAME]… [--verbose]
 *
 * One line for each scenario, and the suite's own words where one fails. A scenario that is expected to fail
 * (`scenarios.ts` says why) and passes is a failure: the reason is no longer true.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { parseArgs, promisify } from "node:util";
import { conformanceApp } from "./fixture.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

const scenarioTimeoutMs = 60_000;
const command = createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json");
const cli = new URL("dist/index.js", `file://${command}`).pathname;

interface Outcome {
  readonly passed: boolean;
  /** What the suite says of its checks. */
  readonly counts: string;
  readonly output: string;
}

async function run({ name, revision }: Scenario, url: string): Promise<Outcome> {
  const version = revision === undefined ? [] : ["--spec-version", revision];
  const args = [cli, "server", "--url", url, "--scenario", name, ...version];
  const { failed, output } = await execute(args);
  const [, count, all, rest] = /Passed: (\d+)\/(\d+)(.*)/.exec(output) ?? [];
  // Where nothing applies, the suite is content; nothing is proved by that.
  const passed = !failed && Number(count) > 0;
  return { passed, counts: `${count ?? "?"}/${all ?? "?"}${rest ?? ""}`, output };
}

async function execute(args: readonly string[]): Promise<{ failed: boolean; output: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
      timeout: scenarioTimeoutMs,
    });
    return { failed: false, output: stdout + stderr };
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    return { failed: true, output: `${stdout}${stderr}` || message };
  }
}

function line(
  { name, revision, expectedFailure }: Scenario,
  { counts }: Outcome,
  asExpected: boolean,
): string {
  const verdict = asExpected ? "ok  " : "FAIL";
  const title = revision === undefined ? name : `${name} (${revision})`;
  const reason = expectedFailure === undefined ? "" : ` [expected to fail: ${expectedFailure}]`;
  return `${verdict} ${title}: ${counts}${reason}`;
}

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, verbose: { type: "boolean", default: false } },
});
const chosen = scenarios.filter(({ name }) => values.only?.includes(name) ?? true);

const app = conformanceApp();
const { url } = await app.listen({ port: 0 });
let passed = 0;
for (const scenario of chosen) {
  const outcome = await run(scenario, url);
  const asExpected = outcome.passed === (scenario.expectedFailure === undefined);
  if (asExpected) passed++;
  console.log(line(scenario, outcome, asExpected));
  if (!asExpected || values.verbose) console.log(outcome.output);
}
await app.close({ drainMs: 0 });
const failed = chosen.length - passed;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && chosen.length > 0 ? 0 : 1;
