/** What is due of a tool stands in groups, by version and priority: each is a range of the indexes. */
import type { Sql } from "./transaction.ts";

export interface Group {
  /** `""`: none. */
  readonly version: string;
  readonly priority: number;
}

/**
 * The groups in which a task of the tool wants to run, now or later; one step of the index for each. A single ORDER BY
 * priority, due_at would walk over every sleeping task of a higher priority to find what is due.
 */
export function groupsInUse(sql: Sql, tool: string): Group[] {
  const next = sql.values(
    `SELECT version, priority FROM tasks INDEXED BY tasks_due
     WHERE tool = ? AND (version, priority) > (?, ?) AND due_at IS NOT NULL
     ORDER BY version, priority LIMIT 1`,
  );
  const groups: Group[] = [];
  let [version, priority] = ["", Number.NEGATIVE_INFINITY];
  for (;;) {
    const row = next(tool, version, priority);
    if (row === undefined) return groups;
    [version, priority] = [row[0] as string, row[1] as number];
    groups.push({ version, priority });
  }
}
