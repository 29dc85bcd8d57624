/** Which store a `store` setting names. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { openPostgresStore } from "../store/postgres/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { TaskStore } from "../store/store.ts";
import { type Clock, systemClock } from "../task/clock.ts";
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
  const url = setting ?? process.env["DATABASE_URL"];
  // The time of a record that many machines share is its database's; a clock that a test moves is the record's too.
  const ownClock = clock === systemClock ? {} : { clock };
  if (url !== undefined && /^postgres(ql)?:/.test(url)) return openPostgresStore({ url, warn, ...ownClock });
  if (setting === undefined) return openSqliteStore({ file: defaultFile(appName), clock, warn });
  const file = setting.startsWith(scheme) ? setting.slice(scheme.length) : "";
  if (file === "") {
    throw new PerdureError("INVALID_OPTION", {
      message: `store must be "sqlite:FILE", "sqlite::memory:", "postgres://…" or a TaskStore; ${quote(setting)} came.`,
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
