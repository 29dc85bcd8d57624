/**
 * Imported first by every entry of the package: an older Node is told in one line what is needed, what was found and
 * which command works. ESM links all of a program's modules before it runs the first, so no module of the package
 * imports by name what an older Node lacks; `node:sqlite` is fetched when a store is opened.
 */
import module from "node:module";
import { relative } from "node:path";
import { PerdureError } from "./task/errors.ts";

/** The first Node 22 whose `node:sqlite` needs no flag. As in `engines` of package.json. */
export const minimumNode = "22.13";

export interface FoundNode {
  /** As in `process.versions.node`. */
  readonly version: string;
  /** Whether it has `node:sqlite` without a flag: 23.0 to 23.3 have not, and a distribution can leave it out. */
  readonly sqlite: boolean;
  /** The program that was started, as the command should name it. */
  readonly script?: string | undefined;
}

/** The error for a Node that perdure cannot run on; `undefined` for one that it can. */
export function refuseNode(found: FoundNode): PerdureError | undefined {
  if (isAtLeast(found.version, minimumNode) && found.sqlite) return undefined;
  const lack = isAtLeast(found.version, minimumNode) ? " without node:sqlite" : "";
  return withoutStack(
    () =>
      new PerdureError("NODE_TOO_OLD", {
        message:
          `perdure needs Node ${minimumNode} or newer with node:sqlite; this is Node ${found.version}${lack}. ` +
          `Run: npx -y -p node@24 node ${shellWord(found.script ?? "server.js")}`,
      }),
  );
}

function isAtLeast(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split(".").map(Number);
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}

/** The frames would be perdure's and the module loader's; Node prints them, and the source line, below the message. */
function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function shellWord(path: string): string {
  return /^[\w./\\:@-]+$/.test(path) ? path : `"${path}"`;
}

function startedScript(): string | undefined {
  const script = process.argv[1];
  if (script === undefined) return undefined;
  const near = relative(process.cwd(), script);
  return near === "" || near.startsWith("..") ? script : near;
}

const refusal = refuseNode({
  version: process.versions.node,
  sqlite: module.isBuiltin("node:sqlite"),
  script: startedScript(),
});
if (refusal !== undefined) throw refusal;
