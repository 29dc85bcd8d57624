/**
 * The packages as their users get them: packed, installed into an empty folder with nothing of this repository around
 * it, and imported on the oldest Node, on 24, and on the machine's own if that one is too old.
 */
import assert from "node:assert/strict";
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { currentNode, machineNode, type NodeBinary, oldestNode, root } from "./node-binaries.ts";

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface Package {
  /** Its folder has the same name. */
  readonly name: string;
  /** The one line with which it refuses a Node that is too old. */
  readonly refusal: RegExp;
}

const packages: readonly Package[] = [
  {
    name: "perdure",
    refusal: /PerdureError: perdure needs Node 22\.13 .* this is Node .* Run: .* node server\.js\b/,
  },
  { name: "agentcore-local", refusal: /Error: agentcore-local needs Node 22\.13 .* this is Node / },
];

for (const one of packages) {
  const scratch = mkdtempSync(join(tmpdir(), `${one.name}-package-`));
  try {
    check(one, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function check({ name, refusal }: Package, scratch: string): void {
  console.log(`\n${name}`);
  const app = install(pack(name, scratch), scratch);
  const installed = join(app, "node_modules", name, "package.json");
  const manifest = JSON.parse(readFileSync(installed, "utf8")) as Manifest;
  const entries = Object.keys(manifest.exports).map((subpath) => name + subpath.slice(1));
  for (const node of [currentNode, oldestNode()]) {
    if (node === undefined) console.log("skipped: the lockfile holds no oldest Node for this platform");
    else checkImports(app, node, entries);
  }
  checkTypes(app, entries);
  if (name === "perdure") {
    checkWithoutAgentCore(app);
    checkInit(app);
  }
  checkOldNode({ name, refusal }, app, machineNode());
}

function checkWithoutAgentCore(app: string): void {
  const program = join(app, "node_modules/perdure/dist/cli/main.js");
  const { status, stderr } = run(currentNode.path, [program, "agentcore"], app);
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^perdure: .* not installed here\. Run: npm install --save-dev agentcore-local\n$/);
  console.log(`perdure agentcore: ${stderr.trim()}`);
}

/** From the package as it is installed: npm leaves some files out, and gives others a meaning. */
function checkInit(app: string): void {
  const program = join(app, "node_modules/perdure/dist/cli/main.js");
  const { status, stderr } = run(currentNode.path, [program, "init", "agentcore", "project"], app);
  assert.equal(status, 0, stderr);
  const written = readdirSync(join(app, "project"), { recursive: true }).map(String).toSorted();
  const templates = join(root, "packages/perdure/templates/agentcore");
  const expected = readdirSync(templates, { recursive: true }).map((file) => String(file).replace(/^_/, "."));
  assert.deepEqual(written, expected.toSorted());
  rmSync(join(app, "project"), { recursive: true });
  console.log(`perdure init agentcore: ${written.length} files and folders`);
}

function pack(name: string, scratch: string): string {
  const output = npm(["pack", "--json", "--pack-destination", scratch], join(root, "packages", name));
  const report = JSON.parse(output) as readonly PackReport[] | Readonly<Record<string, PackReport>>;
  const [packed] = Object.values(report);
  assert(packed !== undefined);
  const strangers = packed.files
    .map(({ path }) => path)
    .filter(
      (path) => !/^(dist\/.+\.(js|js\.map|d\.ts)|templates\/.+|package\.json|README\.md|LICENSE)$/.test(path),
    )
    .concat(packed.files.map(({ path }) => path).filter((path) => path.includes(".test.")));
  assert.deepEqual(strangers, [], "only dist, templates, README and LICENSE are shipped");
  for (const file of ["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"]) {
    assert(
      packed.files.some(({ path }) => path === file),
      `${file} is shipped`,
    );
  }
  console.log(`packed: ${packed.files.length} files, ${Math.round(packed.unpackedSize / 1024)} KiB`);
  return join(scratch, packed.filename);
}

interface PackReport {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

function install(tarball: string, scratch: string): string {
  const app = join(scratch, "app");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(["install", "--no-audit", "--no-fund", "--prefer-offline", tarball], app);
  const names = readdirSync(join(app, "node_modules"));
  assert.deepEqual(
    names.filter((name) => /^node(-|$)/.test(name)),
    [],
    "no Node binary reaches the users of the package",
  );
  console.log(`installed: ${names.filter((name) => !name.startsWith(".")).length} packages`);
  return app;
}

function checkImports(app: string, node: NodeBinary, entries: readonly string[]): void {
  for (const entry of entries) {
    const { status, stderr } = evaluate(node, app, `await import(${JSON.stringify(entry)})`);
    assert.equal(status, 0, `import "${entry}" on Node ${node.version}: ${stderr}`);
    const required = evaluate(
      node,
      app,
      `process.getBuiltinModule("node:module")
      .createRequire(process.cwd() + "/x.js")(${JSON.stringify(entry)})`,
    );
    assert.equal(required.status, 0, `require("${entry}") on Node ${node.version}: ${required.stderr}`);
  }
  console.log(`imported and required on Node ${node.version}: ${entries.join(", ")}`);
}

function checkTypes(app: string, entries: readonly string[]): void {
  const lines = entries.map((entry, i) => `export * as entry${i} from "${entry}";`);
  writeFileSync(join(app, "types.ts"), lines.join("\n"));
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck", "--types", ""];
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = run(process.execPath, [compiler, ...flags, "types.ts"], app);
  assert.equal(status, 0, stdout);
  console.log("types: found for every entry");
}

function checkOldNode({ name, refusal }: Package, app: string, node: NodeBinary | undefined): void {
  const [major = 0, minor = 0] = (node?.version ?? "").split(".").map(Number);
  if (node === undefined || major > 22 || (major === 22 && minor >= 13)) {
    console.log("skipped: this machine has no Node of its own that is too old, to see it refused");
    return;
  }
  writeFileSync(join(app, "server.js"), `import ${JSON.stringify(name)};\n`);
  const { status, stderr } = run(node.path, ["server.js"], app);
  assert.equal(status, 1);
  const said = stderr.split("\n").filter((line) => line.includes("needs Node"));
  assert.equal(said.length, 1, stderr);
  assert.match(stderr, refusal);
  assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
  console.log(`refused on Node ${node.version}: ${said[0]}`);
}

function evaluate(node: NodeBinary, cwd: string, code: string) {
  return run(node.path, ["--input-type=module", "--eval", code], cwd);
}

/** Without this repository's binaries in PATH, as on a user's machine. */
function run(command: string, args: readonly string[], cwd: string) {
  return spawnSync(command, args, options(cwd));
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", args, { ...options(cwd), stdio: ["ignore", "pipe", "inherit"] });
}

function options(cwd: string): ExecFileSyncOptionsWithStringEncoding {
  const folders = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((part) => !part.includes("node_modules"));
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  return { cwd, encoding: "utf8", env: { ...Object.fromEntries(env), PATH: folders.join(delimiter) } };
}
