/**
 * Runs the stores' contract suite on the Node of these scripts, and again on the oldest that perdure supports. Every
 * case is printed under the name of its store; the last line is the count.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { currentNode, oldestNode, root } from "./node-binaries.ts";

const suites = globSync("packages/perdure/src/store/*/contract.test.ts", { cwd: root });
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const command = [vitest, "run", ...suites, "--reporter", "tree", "--reporter", "json"];
// The whole check gathers the reports of all its runs in one folder, and adds them up itself.
const gathered = process.env["TEST_REPORTS"];
const reports = gathered ?? mkdtempSync(join(tmpdir(), "perdure-contract-reports-"));
const env = { ...process.env, TEST_REPORTS: reports, npm_lifecycle_event: "test:contract" };

for (const node of [currentNode, oldestNode()]) {
  if (node === undefined) {
    console.log(
      `Skipped on the oldest Node: the lockfile holds none for ${process.platform}-${process.arch}.`,
    );
    continue;
  }
  console.log(`The contract suite on Node ${node.version}`);
  const { status } = spawnSync(node.path, command, { cwd: root, env, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}

if (gathered === undefined) {
  spawnSync(currentNode.path, [join(root, "scripts/summarize.ts"), reports], { stdio: "inherit" });
  rmSync(reports, { recursive: true });
}
