/** Before `npm pack`: a clean build, and the README and licence of the repository beside it. */
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const folder = join(root, "packages/perdure");

rmSync(join(folder, "dist"), { recursive: true, force: true });
const compiler = join(root, "node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [compiler, "--build", join(folder, "tsconfig.build.json")], {
  stdio: "inherit",
});
for (const file of ["README.md", "LICENSE"]) cpSync(join(root, file), join(folder, file));
