/**
 * `npm run test:deploy`: the project that `perdure init agentcore` writes is compiled, validated by AWS's AgentCore CLI,
 * synthesised by CDK without a network, looked at, and run on agentcore-local.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/node-binaries.ts";
import { checkOnLocal } from "./on-local.ts";
import { checkStack } from "./stack.ts";
import { agentcoreCli, cdk, install, modules } from "./tools.ts";

const caller = {
  discoveryUrl: "https://issuer.example/.well-known/openid-configuration",
  client: "console",
};

try {
  install();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
const scratch = realpathSync(mkdtempSync(join(tmpdir(), "perdure-deploy-")));
try {
  await check(join(scratch, "digits"));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function check(project: string): Promise<void> {
  const perdure = join(root, "packages/perdure/dist/cli/main.js");
  const callers = ["--discovery-url", caller.discoveryUrl, "--client", caller.client];
  run("written", root, perdure, "init", "agentcore", project, "--account", "210987654321", ...callers);

  // As if it were installed.
  const stack = join(project, "agentcore/cdk");
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"), "junction");
  symlinkSync(modules, join(stack, "node_modules"), "junction");
  const typescript = join(root, "node_modules/typescript/bin/tsc");
  run("compiled: server, agent, worker", project, typescript);
  run("compiled: the stack", stack, typescript, "--typeRoots", join(root, "node_modules/@types"));

  run("agentcore validate", project, agentcoreCli, "validate", "--directory", project, "--json");
  run("cdk synth", stack, cdk, "synth", "--quiet", "--no-notices", "--no-version-reporting");
  checkStack(join(stack, "cdk.out"), "digits", caller);
  console.log("✓ the stack: tokens, headers, images for arm64, policies");

  console.log("on agentcore-local:");
  await checkOnLocal(project, caller.client);
}

/** Nobody's settings, no credentials, and nobody to ask. */
function run(what: string, cwd: string, program: string, ...args: readonly string[]): void {
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    encoding: "utf8",
    timeout: 120_000,
    env: {
      PATH: process.env["PATH"],
      HOME: scratch,
      AWS_EC2_METADATA_DISABLED: "true",
      AGENTCORE_TELEMETRY_DISABLED: "true",
      HTTPS_PROXY: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
    },
  });
  if (status !== 0) throw new Error(`${what} failed:\n${stdout}${stderr}`);
  console.log(`✓ ${what} (${((performance.now() - begin) / 1_000).toFixed(1)} s)`);
}
