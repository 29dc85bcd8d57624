/** Before `npm pack`: a clean build, and beside it the licence and, where the package has none of its own, the README. */
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

const root = join(import.meta.dirname, "..");
/** npm runs this in the folder of the package. */
const folder = process.cwd();

rmSync(join(folder, "dist"), { recursive: true, force: true });
const compiler = join(root, "node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [compiler, "--build", join(folder, "tsconfig.build.json")], {
  stdio: "inherit",
});
cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
if (basename(folder) === "perdure") cpSync(join(root, "README.md"), join(folder, "README.md"));
