/** `perdure migrate`: for a deployment whose programs may not change the schema themselves (`migrate: false`). */
import { migratePostgres } from "../store/postgres/index.ts";
import { CommandError, type ExitCode, exitCodes } from "./exit.ts";

export async function migrate(url: string | undefined, schema: string): Promise<ExitCode> {
  if (url === undefined) {
    throw new CommandError(
      exitCodes.usage,
      "name the database: perdure migrate postgres://…, or DATABASE_URL.",
    );
  }
  try {
    await migratePostgres({ url, schema });
  } catch (error) {
    throw new CommandError(exitCodes.unreachable, error instanceof Error ? error.message : String(error));
  }
  console.log(`the schema ${schema} is up to date.`);
  return exitCodes.ok;
}
