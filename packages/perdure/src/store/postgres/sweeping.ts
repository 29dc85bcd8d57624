/** What is deleted in small batches: tasks that have expired, and the numbers of commits that nobody asks after any more. */
import type { TaskId } from "../../task/id.ts";
import type { Database } from "./database.ts";

const commitsKeptMs = 3_600_000;
const commitsAtOnce = 10_000;

export async function deleteExpired(database: Database, limit: number): Promise<number> {
  const now = database.now();
  await database.query(
    "DELETE FROM @.commits WHERE stamp = ANY (ARRAY (SELECT stamp FROM @.commits WHERE at < $1 LIMIT $2))",
    [now - commitsKeptMs, commitsAtOnce],
  );
  await database.query(
    `DELETE FROM @.outboxes WHERE session = ANY (ARRAY (
       SELECT session FROM @.outboxes WHERE due_at IS NULL AND not_before <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    [now, limit],
  );
  const gone = await database.query(
    deletion("SELECT id, artifacts FROM @.tasks WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED"),
    [now, limit],
  );
  return gone.length;
}

/** Of these, those that have expired: a new task wants their key. */
export async function deleteThese(database: Database, taskIds: readonly TaskId[]): Promise<void> {
  const these =
    "SELECT id, artifacts FROM @.tasks WHERE expires_at <= $1 AND id = ANY ($2) ORDER BY id FOR UPDATE";
  await database.query(deletion(these), [database.now(), taskIds]);
}

const deletion = (ids: string): string => `
  WITH gone AS MATERIALIZED (${ids}),
  p AS (DELETE FROM @.payloads WHERE task_id IN (SELECT id FROM gone)),
  o AS (DELETE FROM @.operations WHERE task_id IN (SELECT id FROM gone)),
  e AS (DELETE FROM @.events WHERE task_id IN (SELECT id FROM gone)),
  s AS (DELETE FROM @.signals WHERE task_id IN (SELECT id FROM gone)),
  d AS (DELETE FROM @.deliveries WHERE task_id IN (SELECT id FROM gone)),
  a AS (INSERT INTO @.artifact_sweeps (task_id) SELECT id FROM gone WHERE artifacts IS NOT NULL)
  DELETE FROM @.tasks WHERE id IN (SELECT id FROM gone) RETURNING id`;

export async function overdueTasks(database: Database, limit: number): Promise<TaskId[]> {
  const rows = await database.query<{ id: TaskId }>(
    "SELECT id FROM @.tasks WHERE deadline_at <= $1 AND ended_at IS NULL ORDER BY deadline_at LIMIT $2",
    [database.now(), limit],
  );
  return rows.map(({ id }) => id);
}
