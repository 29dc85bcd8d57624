/** Tools of which no attempt begins, until they are resumed. */
import type { PausedTool, ToolKey } from "../store.ts";
import type { Sql, Transaction } from "./transaction.ts";

export function pauseTool({ sql, now }: Transaction, { tool }: ToolKey): boolean {
  return changed(sql("INSERT OR IGNORE INTO paused_tools (tool, since) VALUES (?, ?)").run(tool, now));
}

export function resumeTool(tx: Transaction, { tool }: ToolKey): boolean {
  tx.due = true;
  return changed(tx.sql("DELETE FROM paused_tools WHERE tool = ?").run(tool));
}

export function pausedTools(sql: Sql): PausedTool[] {
  const rows = sql("SELECT tool, since FROM paused_tools ORDER BY tool").all();
  return rows.map(({ tool, since }) => ({ tool: tool as string, since: Number(since) }));
}

export function isPaused(sql: Sql, tool: string): boolean {
  return sql.values("SELECT 1 FROM paused_tools WHERE tool = ?")(tool) !== undefined;
}

function changed({ changes }: { readonly changes: number | bigint }): boolean {
  return Number(changes) > 0;
}
