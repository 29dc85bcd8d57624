/** Which store a `store` setting names. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { TaskStore } from "../store/store.ts";
import type { Clock } from "../task/clock.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { Logger } from "../engine/logger.ts";

const scheme = "sqlite:";

export function openStore(
  setting: string | undefined,
  appName: string,
  clock: Clock,
  logger: Logger,
): TaskStore {
  const warn = (message: string): void => logger.warn({}, message);
  if (setting === undefined) return openSqliteStore({ file: defaultFile(appName), clock, warn });
  const file = setting.startsWith(scheme) ? setting.slice(scheme.length) : "";
  if (file === "") {
    throw new PerdureError("INVALID_OPTION", {
      message: `store must be "sqlite:FILE", "sqlite::memory:" or a TaskStore; ${quote(setting)} came.`,
    });
  }
  return openSqliteStore({ file: file === ":memory:" ? file : resolve(file), clock, warn });
}

/**
 * A host may start a server in `/`, so the default file lies where the system keeps a user's state. (`env-paths`, the
 * library for this, knows folders for data, caches and logs, but not for state.)
 */
function defaultFile(appName: string): string {
  return join(stateFolder(), "perdure", `${appName}.db`);
}

function stateFolder(): string {
  const { env, platform } = process;
  if (platform === "win32") return env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local");
  if (platform === "darwin") return join(homedir(), "Library", "Application Support");
  return env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state");
}
