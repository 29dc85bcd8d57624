/** `perdure serve` and `perdure worker`: the application that a file exports, until a signal. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { App } from "../app/app.ts";
import { closeOnSignals } from "../app/process-signals.ts";
import type { Role } from "../app/role.ts";
import { CommandError, exitCodes } from "./exit.ts";
import type { Output } from "./output.ts";

export interface ServeOptions {
  readonly port?: number;
  readonly host?: string;
  readonly stdio: boolean;
  readonly role?: Role;
}

/** Returns when it serves; a signal ends the process. @throws CommandError `usage`, `unreachable` */
export async function serve(file: string, { stdio, ...where }: ServeOptions, out: Output): Promise<void> {
  await run(file, async (app) => {
    if (stdio) return app.stdio(where.role === undefined ? {} : { role: where.role });
    const { url } = await app.listen(where);
    out.line({ name: app.name, version: app.version, url }, `${app.name} ${app.version} at ${url}`);
  });
}

/** Returns when it works; a signal ends the process. @throws CommandError as `serve` */
export async function work(file: string, out: Output): Promise<void> {
  await run(file, async (app) => {
    await app.start({ role: "work" });
    // A record of which this process is not the one that executes keeps no process alive.
    setInterval(() => undefined, 2 ** 31 - 1);
    out.line({ name: app.name, version: app.version, works: true }, `${app.name} ${app.version} works`);
  });
}

async function run(file: string, start: (app: App) => Promise<void>): Promise<void> {
  const app = await loadApp(file);
  closeOnSignals(app);
  try {
    await start(app);
  } catch (error) {
    // What was started before it failed would keep the process alive.
    await app.close({ drainMs: 0 });
    throw explain(error);
  }
}

/** The tools may come from another copy of perdure than this command: what counts is what it can do. */
async function loadApp(file: string): Promise<App> {
  const path = resolve(file);
  if (!existsSync(path)) throw new CommandError(exitCodes.usage, `there is no file ${file}.`);
  const module = await load(path, file);
  const app = [module["default"], module["app"]].find(isApp);
  if (app !== undefined) return app;
  throw new CommandError(
    exitCodes.usage,
    `${file} exports no application. Let it say: export default perdure({ name, version });`,
  );
}

async function load(path: string, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_UNKNOWN_FILE_EXTENSION") throw error;
    throw new CommandError(
      exitCodes.usage,
      `this Node (${process.versions.node}) does not read ${file}: compile it, or use Node 22.18 or newer.`,
      { cause: error },
    );
  }
}

function isApp(value: unknown): value is App {
  return typeof value === "object" && value !== null && "listen" in value && "close" in value;
}

function explain(error: unknown): unknown {
  // The error may be one of another copy of perdure.
  if (!(error instanceof Error) || error.name !== "PerdureError") return error;
  const isStore = "code" in error && String(error.code).startsWith("STORE_");
  return new CommandError(isStore ? exitCodes.unreachable : exitCodes.usage, error.message, { cause: error });
}
