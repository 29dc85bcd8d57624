/**
 * Reads all that a group of transitions has to see, in one statement and so of one moment. The rows come as JSON,
 * because they are of several tables.
 */
import type { Database } from "./database.ts";
import { isThere } from "./membership.ts";
import { type Count, nameOfCount, type Needs } from "./needs.ts";
import type {
  DeliveryRow,
  EventRow,
  LoadedOutbox,
  LoadedTask,
  OperationRow,
  PayloadRow,
  SignalRow,
} from "./rows.ts";

export interface Loaded {
  readonly tasks: readonly LoadedTask[];
  readonly operations: readonly OperationRow[];
  readonly signals: readonly SignalRow[];
  readonly payloads: readonly PayloadRow[];
  readonly deliveries: readonly DeliveryRow[];
  readonly outboxes: readonly LoadedOutbox[];
  readonly logs: readonly EventRow[];
  readonly pauses: readonly { readonly tool: string }[];
  readonly counts: readonly { readonly name: string; readonly n: number }[];
}

export const nothing: Loaded = {
  tasks: [],
  operations: [],
  signals: [],
  payloads: [],
  deliveries: [],
  outboxes: [],
  logs: [],
  pauses: [],
  counts: [],
};

const keys = "AS k(owner text, tool text, key text)";

/** The open children of what ends, and theirs. */
const family = `
  family AS (
    SELECT id COLLATE "C" AS id FROM unnest($FAMILIES::text[]) AS f(id)
    UNION
    SELECT child.id FROM @.tasks child JOIN family ON child.parent_id = family.id WHERE child.ended_at IS NULL
  )`;

/** Who waits for any of these, and for them; and by which calls. */
const callers = `
  upwards AS (
    SELECT id FROM ($SEEDS) AS s
    UNION
    SELECT o.task_id FROM @.operations o JOIN upwards ON o.child_id = upwards.id WHERE o.state = 'open'
  ),
  calls AS (
    SELECT o.* FROM @.operations o JOIN upwards ON o.child_id = upwards.id WHERE o.state = 'open'
  )`;

/** The open calls of these, of those that they wait for, and so on. */
const awaiting = `
  downwards AS (
    SELECT id COLLATE "C" AS id FROM unnest($AWAITED::text[]) AS a(id)
    UNION
    SELECT o.child_id FROM @.operations o JOIN downwards ON o.task_id = downwards.id
    WHERE o.state = 'open' AND o.child_id IS NOT NULL
  )`;

const task = `
  SELECT t.*,
    (SELECT array_agg(o.name) FROM @.operations o
      WHERE o.task_id = t.id AND o.state <> 'done' AND o.state = 'open' AND (o.kind = 'ask' OR o.child_asks = 1)) AS asks,
    EXISTS (SELECT 1 FROM @.operations o WHERE o.child_id = t.id AND o.state = 'open')
      OR EXISTS (SELECT 1 FROM @.tasks c WHERE c.parent_id = t.id AND c.ended_at IS NULL) AS family,
    t.waiter IS NOT NULL AND EXISTS (SELECT 1 FROM @.processes p WHERE p.id = t.waiter AND $THERE) AS waiter_here,
    (SELECT count(*) FROM @.signals s WHERE s.task_id = t.id) AS signals
  FROM wanted JOIN @.tasks t ON t.id = wanted.id`;

export async function load(database: Database, needs: Needs): Promise<Loaded> {
  const { waits = [], named = [], values = [], families = [], idempotencyKeys = [], rejoinKeys = [] } = needs;
  const ids = new Set([
    ...(needs.tasks ?? []),
    ...waits,
    ...values,
    ...families,
    ...named.map(({ taskId }) => taskId),
    ...(needs.callers ?? []),
  ]);
  // It is dear to ask, and only a rejoin wants to know.
  const there = rejoinKeys.length > 0 ? isThere : "true";
  const parameters: unknown[] = [[...ids]];
  const parameter = (value: unknown): string => `$${parameters.push(value)}`;
  const tables: string[] = [];
  const wanted = ["SELECT id FROM unnest($1::text[]) AS w(id)"];
  const operations: string[] = [];
  const parts: string[] = [
    `SELECT 'tasks' AS part, row_to_json(r)::text AS data FROM (${task.replace("$THERE", there)}) r`,
  ];
  const withValues = [
    `SELECT id FROM unnest(${values.length > 0 ? parameter(values) : "'{}'"}::text[]) AS v(id)`,
  ];

  const { callers: callersOf = [], awaited = [] } = needs;
  if (families.length > 0) tables.push(family.replace("$FAMILIES", () => parameter(families)));
  if (families.length + callersOf.length > 0) {
    const seeds =
      callersOf.length === 0
        ? []
        : [`SELECT id COLLATE "C" AS id FROM unnest(${parameter(callersOf)}::text[]) AS c(id)`];
    if (families.length > 0) seeds.push("SELECT id FROM family");
    tables.push(callers.replace("$SEEDS", () => seeds.join(" UNION ")));
    wanted.push("SELECT id FROM upwards");
    operations.push("SELECT * FROM calls");
  }
  if (awaited.length > 0) {
    tables.push(awaiting.replace("$AWAITED", () => parameter(awaited)));
    operations.push(`SELECT o.* FROM @.operations o JOIN downwards ON o.task_id = downwards.id
      WHERE o.state = 'open' AND o.child_id IS NOT NULL`);
  }
  if (idempotencyKeys.length > 0) {
    const found = `SELECT t.id FROM json_to_recordset(${parameter(JSON.stringify(idempotencyKeys))}::json) ${keys}
      JOIN @.tasks t ON t.owner = k.owner AND t.tool = k.tool AND t.idempotency_key = k.key`;
    wanted.push(found);
    withValues.push(found);
  }
  if (rejoinKeys.length > 0) {
    const found = `SELECT t.id FROM json_to_recordset(${parameter(JSON.stringify(rejoinKeys))}::json) ${keys}
      JOIN @.tasks t ON t.rejoin_key = k.key AND t.owner = k.owner AND t.tool = k.tool WHERE t.ended_at IS NULL`;
    wanted.push(found);
    withValues.push(found);
  }
  if (waits.length > 0) {
    operations.push(
      `SELECT * FROM @.operations WHERE task_id = ANY (${parameter(waits)}) AND state <> 'done'`,
    );
  }
  if (named.length > 0) {
    const pairs = parameter(JSON.stringify(named.map(({ taskId, name }) => ({ task_id: taskId, name }))));
    const of = `json_to_recordset(${pairs}::json) AS n(task_id text, name text)`;
    operations.push(`SELECT o.* FROM ${of} JOIN @.operations o ON o.task_id = n.task_id AND o.name = n.name`);
    parts.push(`SELECT 'signals', row_to_json(r)::text FROM (
      SELECT s.* FROM ${of} CROSS JOIN LATERAL (
        SELECT * FROM @.signals s WHERE s.task_id = n.task_id AND s.name = n.name ORDER BY revision LIMIT 1) s) r`);
  }
  if (operations.length > 0) {
    parts.push(`SELECT 'operations', row_to_json(r)::text FROM (${operations.join(" UNION ")}) r`);
  }
  if (values.length > 0 || withValues.length > 1) {
    parts.push(`SELECT 'payloads', row_to_json(r)::text FROM (
      SELECT task_id, kind, value FROM @.payloads
      WHERE kind <> 'saved' AND task_id IN (${withValues.join(" UNION ")})) r`);
  }
  const deliveries: string[] = [];
  const { interim = [], ends = [], outboxes, counts = [] } = needs;
  for (const [ofTasks, condition] of [
    [interim, "kind = 'interim' AND state = 'waiting'"],
    [ends, "kind = 'end'"],
  ] as const) {
    if (ofTasks.length > 0) {
      deliveries.push(
        `SELECT * FROM @.deliveries WHERE task_id = ANY (${parameter(ofTasks)}) AND ${condition}`,
      );
    }
  }
  if (outboxes !== undefined) {
    const of = `unnest(${parameter(outboxes.sessions)}::text[]) AS s(session)`;
    const now = parameter(database.now());
    deliveries.push(
      `SELECT d.* FROM ${of} JOIN @.deliveries d ON d.session = s.session WHERE d.state = 'taken' OR d.until <= ${now}`,
      `SELECT due.* FROM ${of} CROSS JOIN LATERAL (
         SELECT * FROM @.deliveries d WHERE d.session = s.session AND d.due_at <= ${now}
         ORDER BY d.kind = 'interim', d.due_at, d.position LIMIT ${parameter(outboxes.entries)}) due`,
    );
  }
  if (deliveries.length > 0) {
    tables.push(`due_deliveries AS (${deliveries.join(" UNION ")})`);
    wanted.push("SELECT task_id FROM due_deliveries");
    const sessions = ["SELECT session FROM due_deliveries"];
    if (outboxes !== undefined)
      sessions.push(`SELECT session FROM unnest(${parameter(outboxes.sessions)}::text[]) AS s(session)`);
    parts.push(
      "SELECT 'deliveries', row_to_json(r)::text FROM due_deliveries r",
      `SELECT 'outboxes', row_to_json(r)::text FROM (
         SELECT o.*, (SELECT min(d.due_at) FROM @.deliveries d WHERE d.session = o.session
             AND d.position NOT IN (SELECT position FROM due_deliveries)) AS rest_due
         FROM @.outboxes o WHERE o.session IN (${sessions.join(" UNION ")})) r`,
    );
  }
  for (const { taskId, limit } of needs.logs ?? []) {
    parts.push(`SELECT 'logs', row_to_json(r)::text FROM (
      SELECT * FROM @.events WHERE task_id = ${parameter(taskId)} AND type IN ('log', 'dropped')
      ORDER BY revision LIMIT ${parameter(limit)}) r`);
  }
  if (needs.pauses === true) parts.push("SELECT 'pauses', row_to_json(r)::text FROM @.paused_tools r");
  if (counts.length > 0) {
    const distinct = new Map(counts.map((count) => [nameOfCount(count), count]));
    for (const [name, count] of distinct)
      parts.push(counting(count, parameter(name), parameter, database.now()));
  }
  tables.push(`wanted AS (${wanted.join(" UNION ")})`);
  const text = `WITH RECURSIVE ${tables.join(",")} ${parts.join(" UNION ALL ")}`;
  const rows = await database.query<{ part: keyof Loaded; data: string }>(text, parameters);
  const loaded: Record<keyof Loaded, unknown[]> = {
    tasks: [],
    operations: [],
    signals: [],
    payloads: [],
    deliveries: [],
    outboxes: [],
    logs: [],
    pauses: [],
    counts: [],
  };
  for (const { part, data } of rows) loaded[part].push(JSON.parse(data));
  return loaded as unknown as Loaded;
}

export function isEmpty(needs: Needs): boolean {
  return Object.values(needs as object).every((need) => Array.isArray(need) && need.length === 0);
}

const whatCounts = {
  open: "ended_at IS NULL",
  queued: "due_at IS NOT NULL",
  running: "running = 1 AND due_at IS NULL",
} as const;

/** `{name, n}`, of at most as many as matter. */
function counting(
  { of, owner, tool, version, priority, max }: Count,
  name: string,
  parameter: (value: unknown) => string,
  now: number,
): string {
  const conditions: string[] = [whatCounts[of]];
  if (of === "queued") conditions.push(`due_at <= ${parameter(now)}`);
  for (const [column, value] of Object.entries({ owner, tool, version, priority })) {
    if (value !== undefined) conditions.push(`${column} = ${parameter(value)}`);
  }
  return `SELECT 'counts', json_build_object('name', ${name}::text, 'n', count(*))::text FROM (
    SELECT 1 FROM @.tasks WHERE ${conditions.join(" AND ")} LIMIT ${parameter(Math.min(max, 2 ** 40))}) c`;
}
