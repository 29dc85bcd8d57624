/**
 * Every TypeScript block of the README and the docs compiles, against the package as it is built. A page may have a
 * comment `<!-- compiled before each example: … -->` with what its examples take for granted, and an example that begins
 * with `// name.ts` is a file that the others of the page may import.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const pages = [
  "README.md",
  "packages/agentcore-local/README.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
].filter((page) => page.endsWith(".md"));

interface Example {
  /** As an editor finds it: the page and the line of the fence. */
  readonly place: string;
  readonly file: string;
  readonly code: string;
}

function examplesOf(page: string): Example[] {
  const text = readFileSync(join(root, page), "utf8");
  const before = /<!-- compiled before each example:\n(.*?)-->/su.exec(text)?.[1] ?? "";
  return [...text.matchAll(/^```ts\n(.*?)^```$/gmsu)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    const named = /^\/\/ (\S+\.ts)\n/u.exec(match[1] ?? "")?.[1];
    const file = named ?? `${page.replaceAll(/\W/gu, "-")}-${line}.ts`;
    // A page whose first line imports brings all that it needs.
    const bringsAll = page.endsWith("README.md") && match[1]?.startsWith("import ") === true;
    const own = named !== undefined || bringsAll;
    return { place: `${page}:${line}`, file, code: `${own ? "" : before}${match[1] ?? ""}\nexport {};\n` };
  });
}

const examples = pages.flatMap(examplesOf);
let folder: string;
let said: string;

/** Under `node_modules`, where `perdure` and `zod` are found as by a user. */
beforeAll(() => {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "docs-"));
  for (const { file, code } of examples) writeFileSync(join(folder, file), code);
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: {
      noEmit: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      typeRoots: [join(root, "node_modules/@types")],
    },
    files: examples.map(({ file }) => file),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", folder, "--pretty", "false"], {
    encoding: "utf8",
    cwd: folder,
    timeout: 60_000,
  });
  said = stdout + stderr;
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(examples)("$place compiles", ({ file }) => {
  expect(said.split("\n").filter((line) => line.includes(file))).toEqual([]);
});

test("the compiler says nothing else", () => {
  expect(examples.length).toBeGreaterThan(5);
  const of = (line: string): boolean => examples.some(({ file }) => line.includes(file));
  expect(said.split("\n").filter((line) => line !== "" && !of(line))).toEqual([]);
});
