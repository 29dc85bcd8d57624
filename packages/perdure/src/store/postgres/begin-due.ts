/**
 * Begins what was chosen, in one statement.
 *
 * `FOR UPDATE SKIP LOCKED` lets many processes claim at once without waiting for each other: what another has just
 * locked is passed over, and only what is taken is locked. What has crashed too often is not begun here but named, for
 * `begin` to fail it.
 */
import type { TaskId } from "../../task/id.ts";
import { toRecord } from "../sqlite/rows.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Database } from "./database.ts";
import type { TaskRow } from "./rows.ts";

const begin = `
  WITH picked AS (SELECT * FROM json_to_recordset($1::json) AS p(id text, place integer, max_crashes integer)),
  taken AS MATERIALIZED (
    SELECT t.id, t.running, t.crashes, p.max_crashes, p.place FROM picked p JOIN @.tasks t ON t.id = p.id
    WHERE t.due_at <= $2 AND EXISTS (SELECT 1 FROM @.processes o WHERE o.id = $4)
      AND NOT EXISTS (SELECT 1 FROM @.paused_tools WHERE tool = t.tool)
    ORDER BY p.place LIMIT $3 FOR UPDATE OF t SKIP LOCKED
  ),
  commit AS (INSERT INTO @.commits (stamp, at) SELECT $5::bigint, $2::bigint WHERE EXISTS (SELECT 1 FROM taken)),
  begun AS (
    UPDATE @.tasks t SET attempt = t.attempt + 1, running = 1, due_at = NULL, backs_off = 0, crashes = t.crashes + t.running,
      revision = t.revision + 1 + t.running, updated_at = $2, process = $4, stamp = $5
    FROM taken WHERE t.id = taken.id AND NOT (taken.running = 1 AND taken.crashes + 1 > taken.max_crashes)
    RETURNING t.*, taken.running AS crashed
  ),
  told AS (
    INSERT INTO @.events (task_id, revision, at, type, detail)
    SELECT id, revision - 1, $2, 'crashed', json_build_object('attempt', attempt - 1)::text FROM begun WHERE crashed = 1
    UNION ALL
    SELECT id, revision, $2, 'begun', json_build_object('attempt', attempt)::text FROM begun
  )
  SELECT taken.id AS taken, taken.max_crashes, b.*, p.value AS input
  FROM taken LEFT JOIN begun b ON b.id = taken.id
    LEFT JOIN @.payloads p ON p.task_id = b.id AND p.kind = 'input'
  ORDER BY taken.place`;

/** What a claim of this number began: asked where its answer was lost. */
const begunBy = `
  SELECT t.id AS taken, t.*, p.value AS input FROM @.tasks t
    LEFT JOIN @.payloads p ON p.task_id = t.id AND p.kind = 'input'
  WHERE t.process = $1 AND t.stamp = $2 AND t.running = 1`;

interface BegunRow extends TaskRow {
  readonly taken: TaskId;
  readonly max_crashes: number;
  readonly input: string | null;
}

export interface Picked {
  readonly id: TaskId;
  readonly maxCrashes: number;
}

export interface Begun {
  readonly records: readonly TaskRecord[];
  /** Crashed too often: to be failed. */
  readonly looping: readonly { readonly taskId: TaskId; readonly maxCrashes: number }[];
}

/** @param picked in their order; at most `limit` of them are begun, the first that no other process takes */
export async function beginDue(
  database: Database,
  process: string,
  picked: readonly Picked[],
  limit: number,
): Promise<Begun> {
  const stamp = database.newStamp();
  const rows = picked.map(({ id, maxCrashes }, place) => ({ id, place, max_crashes: maxCrashes }));
  const answer = await database.write<BegunRow>(
    begin,
    [JSON.stringify(rows), database.now(), limit, process, stamp],
    stamp,
  );
  const taken = answer === "committed" ? await database.query<BegunRow>(begunBy, [process, stamp]) : answer;
  // What was not begun has no row beside it.
  const isBegun = (row: { readonly id: TaskId | null }): boolean => row.id !== null;
  return {
    records: taken.filter(isBegun).map((row) => toRecord(row, row.input ?? undefined, undefined)),
    looping: taken
      .filter((row) => !isBegun(row))
      .map((row) => ({ taskId: row.taken, maxCrashes: row.max_crashes })),
  };
}
