/** Lint rules die silently: a changed name, a pattern that matches nothing. Here each is broken on purpose. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { generations, layers } from "../oxlint.config.ts";

const root = join(import.meta.dirname, "..");
const source = "packages/perdure/src";
const folders = [...Object.keys(layers), ...generations.map((generation) => `wire/${generation}`)];

const Report = z.object({
  diagnostics: z.array(z.object({ code: z.string(), filename: z.string(), message: z.string() })),
});

let repository: string;

/** A repository with the project's own configuration and nothing else. */
beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), "perdure-lint-"));
  for (const file of ["oxlint.config.ts", "tsconfig.base.json", "packages/perdure/tsconfig.json"]) {
    cpSync(join(root, file), join(repository, file));
  }
  symlinkSync(join(root, "node_modules"), join(repository, "node_modules"), "dir");
});

afterAll(() => rmSync(repository, { recursive: true, force: true }));

function plant(file: string, text: string): void {
  const path = join(repository, source, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What lint says, as `file: rule`, of what was planted since. */
function lint(): string[] {
  const { diagnostics } = Report.parse(JSON.parse(runOxlint()));
  rmSync(join(repository, source), { recursive: true });
  return diagnostics.map(
    ({ filename, code }) => `${filename.slice(filename.indexOf(source) + source.length + 1)}: ${code}`,
  );
}

function runOxlint(): string {
  const command = [join(root, "node_modules/oxlint/bin/oxlint"), "--format", "json", "packages"];
  try {
    return execFileSync(process.execPath, command, { cwd: repository, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    // A violation is exit code 1; the report is the same.
    return z.object({ stdout: z.string() }).parse(error).stdout;
  }
}

describe("the layer rule", () => {
  const up = (folder: string) => "../".repeat(folder.split("/").length);
  const pairs = folders.flatMap((from) => folders.filter((to) => to !== from).map((to) => ({ from, to })));
  const mayImport = ({ from, to }: { from: string; to: string }) => {
    const [layer = "", generation] = from.split("/");
    const [target = "", other] = to.split("/");
    if (layer === target) return generation === undefined || other === undefined;
    return layers[layer]?.includes(target) ?? false;
  };

  test.each([
    ["an import", (target: string) => `import { x } from "${target}";\nexport const y = x;\n`],
    ["a type", (target: string) => `import type { X } from "${target}";\nexport type Y = X;\n`],
    ["a re-export", (target: string) => `export { x } from "${target}";\n`],
    ["import()", (target: string) => `export const y = () => import("${target}");\n`],
  ])("refuses %s from every layer that is not below, and no other", (_, importing) => {
    for (const folder of folders)
      plant(`${folder}/x.ts`, "export type X = number;\nexport const x: X = 1;\n");
    for (const { from, to } of pairs) {
      plant(`${from}/to-${to.replace("/", "-")}.ts`, importing(`${up(from)}${to}/x.ts`));
    }
    const forbidden = pairs.filter((pair) => !mayImport(pair));
    expect(forbidden.length).toBeGreaterThan(pairs.length / 3);
    expect(lint().toSorted()).toEqual(
      forbidden
        .map(({ from, to }) => `${from}/to-${to.replace("/", "-")}.ts: eslint(no-restricted-imports)`)
        .toSorted(),
    );
  });

  test("holds however deep the file lies and however the path is written", () => {
    plant("engine/x.ts", "export const x = 1;\n");
    plant("store/sqlite/deep.ts", 'export { x } from "../../engine/x.ts";\n');
    plant("store/roundabout.ts", 'export { x } from "../../src/engine/x.ts";\n');
    plant("store/by-name.ts", 'export { x } from "perdure";\n');
    expect(
      lint()
        .filter((line) => line.endsWith("eslint(no-restricted-imports)"))
        .toSorted(),
    ).toEqual([
      "store/by-name.ts: eslint(no-restricted-imports)",
      "store/roundabout.ts: eslint(no-restricted-imports)",
      "store/sqlite/deep.ts: eslint(no-restricted-imports)",
    ]);
  });

  test("knows every folder of the source", () => {
    const found = readdirSync(join(root, source), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(Object.keys(layers)).toEqual(expect.arrayContaining(found.map((entry) => entry.name)));
  });

  test("keeps the bottom free of Node's modules", () => {
    plant("task/reads.ts", 'export { readFile } from "node:fs/promises";\n');
    expect(lint()).toEqual(["task/reads.ts: import(no-nodejs-modules)"]);
  });

  test("refuses a cycle inside a layer", () => {
    plant("task/a.ts", 'import { b } from "./b.ts";\nexport const a = (): number => b();\n');
    plant("task/b.ts", 'import { a } from "./a.ts";\nexport const b = (): number => a();\n');
    expect(lint()).toContain("task/a.ts: import(no-cycle)");
  });
});

describe("the rules that need types", () => {
  test.each([
    ["no-floating-promises", "async function f() {}\nexport function g() {\n  f();\n}\n"],
    ["no-misused-promises", "export const f = (p: Promise<boolean>) => (p ? 1 : 2);\n"],
    ["await-thenable", "export async function f(x: number) {\n  await x;\n}\n"],
    ["no-unsafe-assignment", "export const x: number = JSON.parse('1');\n"],
    ["only-throw-error", 'export function f() {\n  throw "no";\n}\n'],
    [
      "switch-exhaustiveness-check",
      "export function f(x: 1 | 2) {\n  switch (x) {\n    case 1:\n      return;\n  }\n}\n",
    ],
    ["no-unnecessary-condition", "export const f = (x: string) => x ?? 1;\n"],
  ])("refuse: %s", (rule, text) => {
    plant("task/planted.ts", text);
    expect(lint()).toContain(`task/planted.ts: typescript(${rule})`);
  });

  test("see tests as well", () => {
    plant("task/planted.test.ts", "async function f() {}\nexport function g() {\n  f();\n}\n");
    expect(lint()).toContain("task/planted.test.ts: typescript(no-floating-promises)");
  });

  test("let good code through", () => {
    plant(
      "task/good.ts",
      "export async function f(x: Promise<number>): Promise<number> {\n  return (await x) + 1;\n}\n",
    );
    expect(lint()).toEqual([]);
  });
});
