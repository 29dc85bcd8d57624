/** Tools of which no attempt begins, until they are resumed. */
import type { PausedTool } from "../store.ts";
import type { Database } from "./database.ts";

export async function pauseTool(database: Database, tool: string): Promise<boolean> {
  const paused = await database.query(
    "INSERT INTO @.paused_tools (tool, since) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING tool",
    [tool, database.now()],
  );
  return paused.length > 0;
}

export async function resumeTool(database: Database, tool: string): Promise<boolean> {
  return (
    (await database.query("DELETE FROM @.paused_tools WHERE tool = $1 RETURNING tool", [tool])).length > 0
  );
}

export async function pausedTools(database: Database): Promise<PausedTool[]> {
  return database.query<PausedTool>("SELECT tool, since FROM @.paused_tools ORDER BY tool");
}
