/**
 * The file of a module that runs in threads. It is named as it stands beside the one that names it,
 * `new URL("./train.worker.ts", import.meta.url)`. No compiler rewrites that, so what is named as source is found as
 * what was built of it, and the other way round.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PerdureError, quote } from "../../task/errors.ts";

const builtOf: Readonly<Record<string, string>> = { ".ts": ".js", ".mts": ".mjs", ".cts": ".cjs" };
const sourceOf: Readonly<Record<string, string>> = { ".js": ".ts", ".mjs": ".mts", ".cjs": ".cts" };

/** @throws PerdureError `INVALID_OPTION` when there is no such file. */
export function moduleFile(url: URL, setting: string): URL {
  if (!(url instanceof URL) || url.protocol !== "file:") {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `${setting} must be the file URL of a module, new URL("./name.worker.ts", import.meta.url); ` +
        `${quote(url)} came.`,
    });
  }
  const other = otherFile(url);
  for (const file of other === undefined ? [url] : [url, other]) {
    if (existsSync(fileURLToPath(file))) return file;
  }
  const beside = other === undefined ? "" : `, nor ${fileURLToPath(other)}`;
  throw new PerdureError("INVALID_OPTION", {
    message: `${setting}: there is no file ${fileURLToPath(url)}${beside}. It is named as seen from the file that names it.`,
  });
}

function otherFile(url: URL): URL | undefined {
  const extension = /\.[cm]?[jt]s$/.exec(url.pathname)?.[0];
  if (extension === undefined) return undefined;
  const other = builtOf[extension] ?? sourceOf[extension] ?? "";
  const found = new URL(url);
  found.pathname = url.pathname.slice(0, -extension.length) + other;
  return found;
}
