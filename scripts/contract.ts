/** Runs the stores' contract suite on the Node of these scripts, and again on the oldest that perdure supports. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { currentNode, oldestNode, root } from "./node-binaries.ts";

const vitest = join(root, "node_modules/vitest/vitest.mjs");

for (const node of [currentNode, oldestNode()]) {
  if (node === undefined) {
    console.log(
      `Skipped on the oldest Node: the lockfile holds none for ${process.platform}-${process.arch}.`,
    );
    continue;
  }
  console.log(`The contract suite on Node ${node.version}`);
  const { status } = spawnSync(node.path, [vitest, "run", "contract"], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
