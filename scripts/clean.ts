/** Removes what was built, so that nothing of a file that is gone stays in `dist`. */
import { globSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
for (const folder of ["packages/*/dist", "node_modules/.cache", "coverage"]) {
  for (const found of globSync(folder, { cwd: root })) rmSync(join(root, found), { recursive: true });
}
