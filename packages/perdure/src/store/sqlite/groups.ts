/** What is due of a tool stands in groups, by version and priority: each is a range of the indexes. */
import type { Sql } from "./transaction.ts";

export interface Group {
  /** `""`: none. */
  readonly version: string;
  readonly priority: number;
}

const due = "tasks INDEXED BY tasks_due WHERE tool = ? AND due_at IS NOT NULL";
const nextPriority = `SELECT priority FROM ${due} AND version = ? AND priority > ? ORDER BY priority LIMIT 1`;
const nextVersion = `SELECT version FROM ${due} AND version > ? ORDER BY version LIMIT 1`;

/**
 * The groups in which a task of the tool wants to run, now or later; one step of the index for each. A single ORDER BY
 * priority, due_at would walk over every sleeping task of a higher priority to find what is due; and of a comparison of
 * rows, `(version, priority) > (?, ?)`, SQLite takes only the first column to find its place.
 */
export function groupsInUse(sql: Sql, tool: string): Group[] {
  const groups: Group[] = [];
  // No version is less than none.
  for (let version: string | undefined = ""; version !== undefined;) {
    let priority = Number.NEGATIVE_INFINITY;
    for (;;) {
      const row = sql.values(nextPriority)(tool, version, priority);
      if (row === undefined) break;
      priority = row[0] as number;
      groups.push({ version, priority });
    }
    version = sql.values(nextVersion)(tool, version)?.[0] as string | undefined;
  }
  return groups;
}
