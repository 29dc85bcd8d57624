/** The Nodes that the lockfile brings: 24 for everything here, 22.13 (the oldest supported) for the contract suite. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

export const root = join(import.meta.dirname, "..");

export interface NodeBinary {
  readonly version: string;
  readonly path: string;
}

export const currentNode: NodeBinary = { version: process.versions.node, path: process.execPath };

/** @throws Error where the lockfile has an oldest Node for this platform, but it was not installed. */
export function oldestNode(): NodeBinary | undefined {
  const folder = join(root, "tools/node22");
  const { optionalDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  const name = `node-${process.platform}-${process.arch}`;
  const version = optionalDependencies[name];
  if (version === undefined) return undefined;
  const path = join(folder, "node_modules", name, "bin/node");
  if (!existsSync(path))
    throw new Error(`Node ${version} is missing from ${folder}. Run: npm ci --include=optional`);
  return { version, path };
}

/** The first Node in PATH that is not of this repository: the machine's own. */
export function machineNode(): NodeBinary | undefined {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder.includes("node_modules") || !existsSync(path)) continue;
    const version = execFileSync(path, ["--print", "process.versions.node"], { encoding: "utf8" }).trim();
    return { version, path };
  }
  return undefined;
}
