/**
 * Runs the tests of the engine, the deliveries, the wire and the application once more with every record in PostgreSQL,
 * and beside them those of many processes over one, which take long. What only a file has is left out, with the reason
 * where it stands. `npm run test:postgres engine/ app/process` runs only the files whose path has one of these in it;
 * what begins with `-` goes to Vitest.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./node-binaries.ts";

const vitest = join(root, "node_modules/vitest/vitest.mjs");
const layers = ["engine", "delivery", "wire", "app", "store/postgres"].map(
  (layer) => `perdure/src/${layer}/`,
);
const others = [
  "**/store/postgres/contract.test.ts", // npm run test:contract
  "**/*.types.test.ts", // no record
  "**/app/artifacts-process.test.ts", // names files
];
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("-"));
const { status } = spawnSync(
  process.execPath,
  [
    vitest,
    "run",
    ...(filters.length > 0 ? filters : layers),
    ...others.flatMap((pattern) => ["--exclude", pattern]),
    ...options,
  ],
  { cwd: root, env: { ...process.env, PERDURE_TEST_STORE: "postgres" }, stdio: "inherit" },
);
process.exitCode = status ?? 1;
