/**
 * Both Node 24 and the compiler come as optional packages, one for each platform; `npm ci --omit=optional` leaves them
 * out, and what follows fails with a riddle. Plain JavaScript, for it must run on the old Node that it refuses.
 */
import { existsSync } from "node:fs";

const { versions, platform, arch } = process;
const compiler = new URL(`../node_modules/@typescript/typescript-${platform}-${arch}`, import.meta.url);
const old = Number(versions.node.split(".")[0]) < 24;

if (old || !existsSync(compiler)) {
  const found = old ? `this is Node ${versions.node}` : "the compiler's is missing";
  console.error(
    `These scripts need Node 24 and the optional packages of the lockfile; ${found}. Run: npm ci --include=optional`,
  );
  process.exitCode = 1;
}
