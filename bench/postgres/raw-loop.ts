/** The least that a queue in Postgres does for a task: insert it, claim it with SKIP LOCKED, complete it. Three commits. */
import { Pool } from "pg";
import { newTaskId } from "../../packages/perdure/src/task/id.ts";
import { concurrently, input } from "../subject.ts";
import { connections } from "./subject.ts";

const table = `CREATE TABLE queue (
  id text COLLATE "C" PRIMARY KEY, state text NOT NULL, input text NOT NULL, result text, due_at bigint NOT NULL);
  CREATE INDEX queue_due ON queue (due_at) WHERE state = 'queued'`;
const claim = `UPDATE queue SET state = 'running' WHERE id = (
  SELECT id FROM queue WHERE state = 'queued' ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, input`;

export async function rawLoop(url: string): Promise<{
  run(untilMs: number): Promise<number>;
  close(): Promise<void>;
}> {
  const pool = new Pool({ connectionString: url, max: connections });
  await pool.query(table);
  return {
    run: (untilMs) =>
      concurrently(untilMs, async () => {
        const now = Date.now();
        const values = [newTaskId(now), JSON.stringify(input), now];
        await pool.query(
          "INSERT INTO queue (id, state, input, due_at) VALUES ($1, 'queued', $2, $3)",
          values,
        );
        const { rows } = await pool.query<{ id: string }>(claim);
        await pool.query("UPDATE queue SET state = 'completed', result = $2 WHERE id = $1", [
          rows[0]?.id,
          JSON.stringify({ accepted: true, amount: 129.5 }),
        ]);
      }),
    close: () => pool.end(),
  };
}
