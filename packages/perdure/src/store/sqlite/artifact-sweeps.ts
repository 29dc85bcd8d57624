/** What is to be removed from the artifact store, said in the commit that makes it so: the outbox of deletions. */
import type { TaskId } from "../../task/id.ts";
import type { ArtifactSweep } from "../store.ts";
import type { TaskRow } from "./rows.ts";
import type { Sql, Transaction } from "./transaction.ts";

/** Of a task that has ended or goes; nothing where it never began to write an artifact. */
export function sweepArtifacts(tx: Transaction, taskId: TaskId, row: Pick<TaskRow, "artifacts">): void {
  if (row.artifacts !== null) tx.sql("INSERT INTO artifact_sweeps (task_id) VALUES (?)").run(taskId);
}

export function readSweeps(sql: Sql, after: number, limit: number): ArtifactSweep[] {
  return sql("SELECT id, task_id AS taskId FROM artifact_sweeps WHERE id > ? ORDER BY id LIMIT ?").all(
    after,
    limit,
  ) as unknown as ArtifactSweep[];
}

export function endSweep(tx: Transaction, id: number): void {
  tx.sql("DELETE FROM artifact_sweeps WHERE id = ?").run(id);
}
