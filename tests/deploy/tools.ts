/**
 * The tools of the check, in a folder of their own: 380 MB that `npm ci` is not to bring. They are installed by the
 * lockfile of `tools/deploy`, once.
 *
 * Of AWS's AgentCore CLI only its own package is taken, by the hash below, and of what it depends on only what its bundle
 * imports when it starts; all of its dependencies, most of them clients of AWS, cannot be had from every registry.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/node-binaries.ts";

const agentcore = {
  name: "@aws/agentcore@0.30.0",
  sha512: "V094GyPZsT0fowb5QNPvnOvWLKBjmKK56sZSEAqbKtpZUxq3jmyCS4efouI2/Ei1sYR79Tp/rQVjbXGeASqJwg==",
};

const folder = join(root, "tools/deploy");
export const modules = join(folder, "node_modules");
/** What was installed: an interrupted installation leaves none. */
const stamp = join(modules, ".installed");

export const cdk = join(modules, "aws-cdk/bin/cdk");
export const agentcoreCli = join(modules, "@aws/agentcore/dist/cli/index.mjs");

/** @throws Error that says what could not be had */
export function install(): void {
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8");
  const wanted = createHash("sha256").update(lock).update(agentcore.sha512).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("Installing the tools (380 MB, once) …");
  try {
    npm("ci", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional");
    unpack(npm("pack", "--json", agentcore.name));
  } catch (cause) {
    throw new Error(
      `The project of "perdure init agentcore" cannot be checked: tools/deploy and ${agentcore.name} could not be ` +
        "installed. They are had from npm's registry; what it said stands above.",
      { cause },
    );
  }
  writeFileSync(stamp, wanted);
}

function unpack(report: string): void {
  const [{ filename = "" } = {}] = JSON.parse(report) as readonly { readonly filename?: string }[];
  const tarball = join(folder, filename);
  try {
    const found = createHash("sha512").update(readFileSync(tarball)).digest("base64");
    if (found !== agentcore.sha512) throw new Error(`${agentcore.name} has the hash ${found}`);
    const target = join(modules, "@aws/agentcore");
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
  } finally {
    rmSync(tarball);
  }
}

function npm(...args: readonly string[]): string {
  return execFileSync("npm", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 240_000,
    shell: process.platform === "win32",
  });
}
