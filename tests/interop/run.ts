/**
 * `npm run test:interop`: what Python's programs make of AgentCore here. Every `*_test.py` of this folder runs
 * against an `agentcore-local` of its own, which the environment names as on AWS; `-- NAME` runs those with that in
 * their names. Where Python or its packages cannot be had, it says so and ends with 0.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { startAgentCoreLocal } from "../../packages/agentcore-local/src/index.ts";
import { findPython } from "./python.ts";

const program = new URL("../../packages/agentcore-local/src/runtime/program.fixture.ts", import.meta.url)
  .pathname;
const limitMs = 2 * 60_000;

const found = findPython();
if ("missing" in found) {
  console.log(`SKIPPED: Python's packages cannot be had here (${found.missing}).`);
} else {
  const [wanted = ""] = process.argv.slice(2);
  const files = globSync("*_test.py", { cwd: import.meta.dirname }).filter((file) => file.includes(wanted));
  if (files.length === 0) throw new Error(`There is no test with "${wanted}" in its name.`);
  for (const file of files.toSorted()) await play(found.python, file);
}

async function play(python: string, file: string): Promise<void> {
  console.log(`\n${file}`);
  const command = process.execPath;
  await using local = await startAgentCoreLocal({ runtimes: [{ name: "agent", command, args: [program] }] });
  const child = spawn(python, ["-B", file, "-v"], {
    cwd: import.meta.dirname,
    stdio: "inherit",
    timeout: limitMs,
    env: {
      ...process.env,
      AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: local.url,
      AWS_ACCESS_KEY_ID: "any",
      AWS_SECRET_ACCESS_KEY: "any",
      AWS_DEFAULT_REGION: "us-west-2",
      AWS_REGION: "us-west-2",
      NODE: process.execPath,
      AGENT_RUNTIME_ARN: local.runtime("agent").arn,
    },
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) process.exitCode = 1;
}
