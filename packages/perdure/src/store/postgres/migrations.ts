/**
 * The schema, as the list of steps that lead to it: step n brings it from version n−1 to n. A step that was released
 * never changes, and only adds: while a new version of a program is rolled out, the older one works on. A schema that
 * is newer than a program is therefore no error.
 *
 * All steps run in one transaction under an advisory lock, so that of many processes that start together one migrates
 * and the others find it done. The lock ends with the transaction: it needs no session, and a pooler may be between.
 */
import { createHash } from "node:crypto";
import { PerdureError } from "../../task/errors.ts";
import type { Database } from "./database.ts";
import { isNotMigrated, storeError } from "./errors.ts";
import { tasks } from "./migrations/1-tasks.ts";
import { growing } from "./migrations/2-growing.ts";
import { listeners } from "./migrations/3-listeners.ts";
import { artifacts } from "./migrations/4-artifacts.ts";

export const migrations: readonly string[] = [tasks, growing, listeners, artifacts];

/** Brings the schema to the newest version. */
export async function migrate(database: Database, schema: string): Promise<void> {
  try {
    if ((await schemaVersion(database)) >= migrations.length) return;
    await database.transaction(async (query) => {
      await query("SELECT pg_advisory_xact_lock($1)", [lockOf(schema)]);
      const [there] = await query("SELECT to_regnamespace($1) IS NOT NULL AS schema", [`"${schema}"`]);
      // Who may not create schemas may have been given one.
      if (there?.["schema"] !== true) await query(`CREATE SCHEMA "${schema}"`);
      await query("CREATE TABLE IF NOT EXISTS @.meta (key text PRIMARY KEY, value text NOT NULL)");
      const [row] = await query("SELECT value FROM @.meta WHERE key = 'version'");
      const found = Number(row?.["value"] ?? 0);
      for (const step of migrations.slice(found)) await query(step);
      await query(
        "INSERT INTO @.meta (key, value) VALUES ('version', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [String(Math.max(found, migrations.length))],
      );
    });
  } catch (error) {
    throw storeError(error, database.location);
  }
}

/** @throws PerdureError `STORE_OUTDATED` */
export async function requireMigrated(database: Database): Promise<void> {
  const found = await schemaVersion(database);
  if (found >= migrations.length) return;
  throw new PerdureError("STORE_OUTDATED", {
    message:
      `${database.location}: the schema is ${found === 0 ? "not there" : `of version ${found}`}, and this program ` +
      `needs version ${migrations.length}. Run: perdure migrate`,
  });
}

/** 0: there is none. */
async function schemaVersion(database: Database): Promise<number> {
  try {
    const [row] = await database.query<{ value: string }>("SELECT value FROM @.meta WHERE key = 'version'");
    return Number(row?.value ?? 0);
  } catch (error) {
    const cause = error instanceof PerdureError ? error.cause : error;
    if (isNotMigrated(cause)) return 0;
    throw error;
  }
}

function lockOf(schema: string): number {
  return createHash("sha256").update(`perdure migrate ${schema}`).digest().readUIntBE(0, 6);
}
