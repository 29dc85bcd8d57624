/** `perdure migrate`: for a deployment whose programs may not change the schema themselves (`migrate: false`). */
import { migratePostgres } from "../store/postgres/index.ts";
import { CommandError, type ExitCode, exitCodes } from "./exit.ts";

export async function migrate(url: string | undefined, schema: string | undefined): Promise<ExitCode> {
  if (url === undefined) {
    throw new CommandError(
      exitCodes.usage,
      "name the database: perdure migrate postgres://…, or DATABASE_URL.",
    );
  }
  try {
    const { schema: migrated } = await migratePostgres({ url, ...(schema !== undefined && { schema }) });
    console.log(`the schema ${migrated} is up to date.`);
  } catch (error) {
    throw new CommandError(exitCodes.unreachable, error instanceof Error ? error.message : String(error));
  }
  return exitCodes.ok;
}
