/** What is to be removed from the artifact store: the outbox of deletions. */
import type { ArtifactSweep } from "../store.ts";
import type { Database } from "./database.ts";

export async function readSweeps(database: Database, after: number, limit: number): Promise<ArtifactSweep[]> {
  return database.query<ArtifactSweep>(
    `SELECT id, task_id AS "taskId" FROM @.artifact_sweeps WHERE id > $1 ORDER BY id LIMIT $2`,
    [after, limit],
  );
}

export async function endSweep(database: Database, id: number): Promise<void> {
  await database.query("DELETE FROM @.artifact_sweeps WHERE id = $1", [id]);
}
