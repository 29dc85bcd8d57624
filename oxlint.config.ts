/**
 * One linter, with the rules that need types. Beside the usual it holds the layer rule: every folder of
 * `packages/perdure/src` is a layer, and imports only the layers that stand under its name here.
 * `scripts/lint.test.ts` plants every forbidden import and sees it refused.
 */
import { defineConfig } from "oxlint";

const fiveLayers = ["task", "store", "engine", "delivery", "wire"];

/** A layer, and the layers that it may import. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  task: [],
  store: ["task"],
  engine: ["task", "store"],
  delivery: ["task", "store", "engine"],
  wire: ["task", "store", "engine", "delivery"],
  app: fiveLayers,
  agentcore: [...fiveLayers, "app"],
  strands: [...fiveLayers, "app", "agentcore"],
  dashboard: [...fiveLayers, "app"],
  testing: [...fiveLayers, "app"],
  cli: [...fiveLayers, "app", "dashboard"],
};

/** The protocol's generations do not know each other; what both need stands beside them in `wire`. */
export const generations: readonly string[] = ["v1", "v2"];

const source = "packages/perdure/src";

const layerRule = Object.entries(layers).map(([layer, below]) => {
  const above = Object.keys(layers).filter((other) => other !== layer && !below.includes(other));
  const allowed = below.length === 0 ? "no other layer" : below.join(", ");
  return restrict(layer, above, `The layer ${layer} may import ${allowed}.`);
});

const generationRule = generations.map((generation) => {
  const others = generations.filter((other) => other !== generation);
  const above = ["app", "agentcore", "strands", "dashboard", "testing", "cli"];
  return restrict(
    `wire/${generation}`,
    [...others, ...above],
    `wire/${generation} knows no other generation.`,
  );
});

/** Type imports count: what a layer's types name, it knows. */
function restrict(folder: string, names: readonly string[], message: string) {
  const patterns = [
    { regex: `^\\.\\.?/(.*/)?(${names.join("|")})/`, message },
    { regex: "^perdure(/|$)", message: "The package does not import itself by name." },
  ];
  return {
    files: [`${source}/${folder}/**`],
    rules: { "no-restricted-imports": ["error", { patterns }] as ["error", { patterns: typeof patterns }] },
  };
}

export default defineConfig({
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "node", "vitest"],
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: "error" },
  categories: { correctness: "error", suspicious: "error" },
  ignorePatterns: ["**/dist/**", "coverage/**"],
  rules: {
    // promises
    "typescript/no-floating-promises": ["error", { ignoreVoid: true }],
    "typescript/no-misused-promises": "error",
    "typescript/await-thenable": "error",
    "typescript/return-await": ["error", "error-handling-correctness-only"],
    "typescript/prefer-promise-reject-errors": "error",
    "typescript/only-throw-error": "error",
    "typescript/use-unknown-in-catch-callback-variable": "error",
    // what enters from outside is `unknown`, and parsed
    "typescript/no-explicit-any": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/no-unsafe-function-type": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/ban-ts-comment": "error",
    // a case that is missing, a test that is always true
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "typescript/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
    "typescript/no-mixed-enums": "error",
    "typescript/no-deprecated": "error",
    "typescript/restrict-plus-operands": "error",
    "typescript/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    "typescript/prefer-readonly": "error",
    "typescript/prefer-nullish-coalescing": "error",
    "typescript/prefer-optional-chain": "error",
    "typescript/related-getter-setter-pairs": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/consistent-type-exports": "error",
    "typescript/no-import-type-side-effects": "error",
    // modules
    "import/no-cycle": "error",
    "import/no-commonjs": "error",
    "import/no-mutable-exports": "error",
    "import/no-duplicates": "error",
    "import/no-unassigned-import": ["error", { allow: ["**/node-version.ts"] }],
    "import/extensions": ["error", "ignorePackages"],
    "unicorn/prefer-node-protocol": "error",
    // left out, and why: a row of one's own table is narrowed by `as`; a switch over all cases
    // ends a function; a function stands where it is used
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/consistent-return": "off",
    "unicorn/consistent-function-scoping": "off",
    // the rest
    eqeqeq: ["error", "always", { null: "ignore" }],
    "no-console": "error",
    "no-var": "error",
    "prefer-const": "error",
    "no-else-return": "error",
    "no-param-reassign": "error",
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    "no-underscore-dangle": ["error", { allow: ["_meta"] }],
    "vitest/no-focused-tests": "error",
    "vitest/no-disabled-tests": "error",
  },
  overrides: [
    ...layerRule,
    ...generationRule,
    {
      // The bottom is pure: no I/O, no clock but the one it is given.
      files: [`${source}/task/**`],
      rules: { "import/no-nodejs-modules": "error" },
    },
    {
      // A module that awaits at its top cannot be `require`d.
      files: [`${source}/**`],
      rules: { "node/no-top-level-await": "error" },
    },
    {
      // The ports of threads have no origin; the rule means windows.
      files: [`${source}/engine/threads/**`],
      rules: { "unicorn/require-post-message-target-origin": "off" },
    },
    {
      // A test may drive its layer from above.
      files: [`${source}/**/*.test.ts`, `${source}/**/*.fixture.ts`],
      rules: { "no-restricted-imports": "off", "import/no-nodejs-modules": "off" },
    },
    {
      files: ["scripts/**", "bench/**", "tests/**", "examples/**", `${source}/cli/**`],
      rules: { "no-console": "off" },
    },
    {
      files: ["packages/agentcore-local/src/**"],
      rules: {
        "node/no-top-level-await": "error",
        // It is useful without perdure, and imports nothing of it.
        "no-restricted-imports": ["error", { patterns: [{ regex: "(^perdure(/|$)|/perdure/)" }] }],
      },
    },
    {
      files: ["packages/agentcore-local/src/cli/**", "packages/perdure/templates/**"],
      rules: { "no-console": "off" },
    },
    {
      // CDK is not installed here, so its types are unknown; `npm run test:deploy` compiles against them. A construct is
      // made for its effect.
      files: ["packages/perdure/templates/agentcore/agentcore/cdk/**"],
      rules: {
        "no-new": "off",
        "typescript/no-unsafe-argument": "off",
        "typescript/no-unsafe-assignment": "off",
        "typescript/no-unsafe-call": "off",
        "typescript/no-unsafe-member-access": "off",
        "typescript/no-unsafe-return": "off",
      },
    },
  ],
});
