/**
 * Writes what a unit of work has changed, in one statement: one round trip, one commit, and no transaction that a
 * stopped process could hold open.
 *
 * The rows are locked in the order of their ids, so that two such statements wait for each other but never in a
 * circle. Then the gate: unless every row is as it was read, nothing at all is written, and the group is decided anew.
 */
import type { Database } from "./database.ts";
import {
  changingTaskColumns,
  definitions,
  deliveryColumns,
  eventColumns,
  names,
  operationColumns,
  outboxColumns,
  signalColumns,
  taskColumns,
} from "./columns.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

const open = "(SELECT open FROM gate)";

const locking = `
  locked AS MATERIALIZED (
    SELECT t.id FROM @.tasks t JOIN json_to_recordset($COMPARED::json) AS c(id text, stamp bigint)
      ON t.id = c.id AND t.stamp = c.stamp
    ORDER BY t.id FOR UPDATE OF t
  )`;
const lockingOutboxes = `
  locked_outboxes AS MATERIALIZED (
    SELECT o.session FROM @.outboxes o JOIN json_to_recordset($COMPARED::json) AS c(session text, stamp bigint)
      ON o.session = c.session AND o.stamp = c.stamp
    ORDER BY o.session FOR UPDATE OF o
  )`;

const insertTasks = `INSERT INTO @.tasks (${names(taskColumns)})
  SELECT ${names(taskColumns)} FROM json_to_recordset($ROWS::json) AS r(${definitions(taskColumns)}) WHERE ${open}`;
const updateTasks = `UPDATE @.tasks t SET ${changingTaskColumns.map((column) => `${column} = r.${column}`).join(", ")}
  FROM json_to_recordset($ROWS::json) AS r(${definitions(taskColumns)}) WHERE t.id = r.id AND ${open}`;
const deleteFrom = (table: string, column: string): string =>
  `DELETE FROM @.${table} WHERE ${column} IN (SELECT json_array_elements_text($ROWS::json)) AND ${open}`;
const putOperations = `INSERT INTO @.operations (${names(operationColumns)})
  SELECT ${names(operationColumns)} FROM json_to_recordset($ROWS::json) AS r(${definitions(operationColumns)}) WHERE ${open}
  ON CONFLICT (task_id, name) DO UPDATE SET ${Object.keys(operationColumns)
    .filter((column) => column !== "task_id" && column !== "name")
    .map((column) => `${column} = excluded.${column}`)
    .join(", ")}`;
const deleteOperations = `DELETE FROM @.operations o USING json_to_recordset($ROWS::json) AS r(task_id text, name text)
  WHERE o.task_id = r.task_id AND o.name = r.name AND ${open}`;
const insertEvents = `INSERT INTO @.events (${names(eventColumns)})
  SELECT ${names(eventColumns)} FROM json_to_recordset($ROWS::json) AS r(${definitions(eventColumns)}) WHERE ${open}`;
const updateEvents = `UPDATE @.events e SET at = r.at, type = r.type, detail = r.detail
  FROM json_to_recordset($ROWS::json) AS r(${definitions(eventColumns)})
  WHERE e.task_id = r.task_id AND e.revision = r.revision AND ${open}`;
const deleteEvents = `DELETE FROM @.events e USING json_to_recordset($ROWS::json) AS r(task_id text, revision bigint)
  WHERE e.task_id = r.task_id AND e.revision = r.revision AND ${open}`;
const insertSignals = `INSERT INTO @.signals (${names(signalColumns)})
  SELECT ${names(signalColumns)} FROM json_to_recordset($ROWS::json) AS r(${definitions(signalColumns)}) WHERE ${open}`;
const deleteSignals = `DELETE FROM @.signals s
  USING json_to_recordset($ROWS::json) AS r(task_id text, name text, revision bigint)
  WHERE s.task_id = r.task_id AND s.name = r.name AND s.revision = r.revision AND ${open}`;
const putPayloads = `INSERT INTO @.payloads (task_id, kind, value, bytes)
  SELECT task_id, kind, value, decode(bytes, 'base64')
  FROM json_to_recordset($ROWS::json) AS r(task_id text, kind text, value text, bytes text) WHERE ${open}
  ON CONFLICT (task_id, kind) DO UPDATE SET value = excluded.value, bytes = excluded.bytes`;
const insertCommit = `INSERT INTO @.commits (stamp, at) SELECT $STAMP::bigint, $AT::bigint WHERE ${open}`;

const insertSweeps = `INSERT INTO @.artifact_sweeps (task_id)
  SELECT json_array_elements_text($ROWS::json) WHERE ${open}`;
const insertDeliveries = `INSERT INTO @.deliveries (${names(deliveryColumns)})
  SELECT ${names(deliveryColumns)} FROM json_to_recordset($ROWS::json) AS r(${definitions(deliveryColumns)}) WHERE ${open}`;
const dropDeliveries = `DELETE FROM @.deliveries
  WHERE key IN (SELECT json_array_elements_text($ROWS::json)) AND state <> 'taken' AND ${open}`;
const dropQuestions = `DELETE FROM @.deliveries WHERE task_id IN (SELECT json_array_elements_text($ROWS::json))
  AND kind = 'question' AND state <> 'taken' AND ${open}`;
const dropAskers = `DELETE FROM @.deliveries WHERE asker_id IN (SELECT json_array_elements_text($ROWS::json))
  AND state <> 'taken' AND ${open}`;
const updateDeliveries = `UPDATE @.deliveries d SET state = r.state, content = r.content
  FROM json_to_recordset($ROWS::json) AS r(position bigint, state text, content text)
  WHERE d.position = r.position AND ${open}`;
const deleteDeliveries = `DELETE FROM @.deliveries
  WHERE position IN (SELECT json_array_elements_text($ROWS::json)::bigint) AND ${open}`;
const updateOutboxes = `UPDATE @.outboxes o SET ${Object.keys(outboxColumns)
  .filter((column) => column !== "session")
  .map((column) => `${column} = r.${column}`)
  .join(", ")} FROM json_to_recordset($ROWS::json) AS r(${definitions(outboxColumns)})
  WHERE o.session = r.session AND ${open}`;
const putOutboxes = `INSERT INTO @.outboxes AS o (session, due_at, not_before, failures, stamp)
  SELECT session, due_at, 0, 0, stamp FROM json_to_recordset($ROWS::json) AS r(session text, due_at bigint, stamp bigint)
  WHERE ${open} ON CONFLICT (session) DO UPDATE SET stamp = excluded.stamp, due_at =
    CASE WHEN o.due_at IS NULL THEN greatest(o.not_before, excluded.due_at)
    ELSE least(o.due_at, greatest(o.not_before, excluded.due_at)) END`;
const touchOutboxes = `UPDATE @.outboxes o SET stamp = r.stamp
  FROM json_to_recordset($ROWS::json) AS r(session text, stamp bigint) WHERE o.session = r.session AND ${open}`;

/** True when it was written; false when a row is not as it was read: decide anew. */
export async function write(database: Database, unit: UnitOfWork): Promise<boolean> {
  const parameters: unknown[] = [];
  const parameter = (value: unknown): string => `$${parameters.push(value)}`;
  const parts: string[] = [];
  const add = (template: string, rows: readonly unknown[]): void => {
    if (rows.length === 0) return;
    parts.push(
      `part${parts.length} AS (${template.replace("$ROWS", () => parameter(JSON.stringify(rows)))})`,
    );
  };

  const written = [...unit.tasks.values()].filter((task) => task.written);
  const compared = written.flatMap(({ before }) =>
    before === undefined ? [] : [{ id: before.id, stamp: before.stamp }],
  );
  const conditions = ["true"];
  if (compared.length > 0) {
    parts.push(locking.replace("$COMPARED", () => parameter(JSON.stringify(compared))));
    conditions.push(`(SELECT count(*) FROM locked) = ${parameter(compared.length)}::bigint`);
  }
  const boxes = [...unit.outboxes.values()].filter((box) => box.written);
  if (boxes.length > 0) {
    const stamps = boxes.map(({ before: { session, stamp } }) => ({ session, stamp }));
    parts.push(lockingOutboxes.replace("$COMPARED", () => parameter(JSON.stringify(stamps))));
    conditions.push(`(SELECT count(*) FROM locked_outboxes) = ${parameter(boxes.length)}::bigint`);
  }
  if (unit.begunTools.size > 0) {
    conditions.push(
      `NOT EXISTS (SELECT 1 FROM @.paused_tools WHERE tool = ANY (${parameter([...unit.begunTools])}))`,
    );
  }
  parts.push(`gate AS MATERIALIZED (SELECT ${conditions.join(" AND ")} AS open)`);
  parts.push(
    `commit AS (${insertCommit.replace("$STAMP", () => parameter(unit.stamp)).replace("$AT", () => parameter(unit.now))})`,
  );
  const present = written.flatMap(({ before, now }) =>
    now === undefined ? [] : [{ inserted: before === undefined, now }],
  );
  add(
    insertTasks,
    present.filter(({ inserted }) => inserted).map(({ now }) => now),
  );
  add(
    updateTasks,
    present.filter(({ inserted }) => !inserted).map(({ now }) => now),
  );
  const deleted = written.flatMap(({ before, now }) =>
    now === undefined && before !== undefined ? [before.id] : [],
  );
  add(deleteFrom("tasks", "id"), deleted);
  for (const table of ["payloads", "operations", "events", "signals", "deliveries"])
    add(deleteFrom(table, "task_id"), deleted);

  // Of a task that is deleted here nothing else is written.
  const gone = new Set(
    written.flatMap(({ before, now }, i) => (now === undefined ? [before?.id ?? `${i}`] : [])),
  );
  const lives = ({ task_id }: { readonly task_id: string }): boolean => !gone.has(task_id);
  const operations = [...unit.operations.entries()].filter(([, operation]) => operation.written);
  add(putOperations, operations.flatMap(([, { now }]) => now ?? []).filter(lives));
  add(
    deleteOperations,
    operations.flatMap(([key, { before, now }]) => {
      const [task_id = "", name = ""] = key.split("\0");
      return now === undefined && before ? [{ task_id, name }] : [];
    }),
  );
  add(insertEvents, unit.events.filter(lives));
  const signals = [...unit.signals.values()];
  add(
    insertSignals,
    signals
      .filter(({ before, kept }) => !before && kept)
      .map(({ row }) => row)
      .filter(lives),
  );
  add(
    deleteSignals,
    signals
      .filter(({ before, kept }) => before && !kept)
      .map(({ row }) => row)
      .filter(lives),
  );
  add(
    putPayloads,
    [...unit.payloads.values()]
      .filter((payload) => payload.written)
      .map(({ taskId: task_id, kind, value }) =>
        typeof value === "string"
          ? { task_id, kind, value, bytes: null }
          : { task_id, kind, value: null, bytes: Buffer.from(value).toString("base64") },
      )
      .filter(lives),
  );
  const logs = [...unit.logs.values()].filter((line) => line.written);
  add(
    updateEvents,
    logs.flatMap(({ now }) => now ?? []),
  );
  add(
    deleteEvents,
    logs.flatMap(({ before, now }) => (now === undefined ? [before] : [])),
  );
  addOutbox(unit, add, lives);
  const rows = await database.write<{ open: boolean }>(
    `WITH ${parts.join(",\n")} SELECT open FROM gate`,
    parameters,
    unit.stamp,
  );
  return rows === "committed" || rows[0]?.open === true;
}

type Add = (template: string, rows: readonly unknown[]) => void;

function addOutbox(unit: UnitOfWork, add: Add, lives: (row: { readonly task_id: string }) => boolean): void {
  add(insertSweeps, unit.sweeps);
  add(insertDeliveries, unit.newDeliveries.filter(lives));
  add(dropDeliveries, unit.droppedDeliveries);
  add(dropQuestions, unit.droppedQuestions);
  add(dropAskers, unit.droppedAskers);
  const deliveries = [...unit.deliveries.values()].filter((delivery) => delivery.written);
  add(
    updateDeliveries,
    deliveries.flatMap(({ now }) => now ?? []),
  );
  add(
    deleteDeliveries,
    deliveries.flatMap(({ before, now }) => (now === undefined ? [before.position] : [])),
  );
  add(
    updateOutboxes,
    [...unit.outboxes.values()].filter((box) => box.written).map(({ now }) => now),
  );
  const puts = [...unit.outboxPuts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const withStamp = puts.map(([session, due_at]) => ({ session, due_at, stamp: unit.stamp }));
  add(
    putOutboxes,
    withStamp.filter(({ due_at }) => due_at !== undefined),
  );
  // Whoever is about to lease from it has to look again.
  add(
    touchOutboxes,
    withStamp.filter(({ due_at, session }) => due_at === undefined && !isWritten(unit, session)),
  );
}

function isWritten(unit: UnitOfWork, session: string): boolean {
  return unit.outboxes.get(session)?.written === true;
}

export function isDirty(unit: UnitOfWork): boolean {
  for (const task of unit.tasks.values()) if (task.written) return true;
  for (const operation of unit.operations.values()) if (operation.written) return true;
  return unit.outboxTouched;
}
