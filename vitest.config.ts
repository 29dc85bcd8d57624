import { defineConfig } from "vitest/config";

/** A folder for reports that `scripts/summarize.ts` adds up. */
const reports = process.env["TEST_REPORTS"];
const run = process.env["npm_lifecycle_event"] ?? "vitest";

const overPostgres = process.env["PERDURE_TEST_STORE"] === "postgres";

export default defineConfig({
  test: {
    globalSetup: ["packages/perdure/src/store/postgres/global-setup.fixture.ts"],
    include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts", "{tests,examples,bench}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Processes, not threads: tests kill, stop and lock, and `process` must be a real one. Two, as CI has two cores.
    pool: "forks",
    maxWorkers: 2,
    // A test that moves the clock by hours asks a database some thousand things.
    testTimeout: overPostgres ? 60_000 : 15_000,
    hookTimeout: 15_000,
    teardownTimeout: 5_000,
    // A test that needs luck is broken; nothing is tried again.
    retry: 0,
    reporters: reports === undefined ? ["default"] : ["default", "json"],
    ...(reports !== undefined && {
      outputFile: { json: `${reports}/${run.replace(":", "-")}-node-${process.versions.node}.json` },
    }),
  },
});
