/**
 * The reference writes what a task was *seen* to write. A probe task runs through perdure once, the rows of the file are
 * compared before and after, and the difference is replayed under new ids and times by prepared statements. So the
 * reference keeps schema, indexes and rows in common with the store whatever the migrations become.
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";

type Row = Readonly<Record<string, SQLOutputValue>>;
interface Table {
  readonly key: readonly string[];
  readonly rows: ReadonlyMap<string, Row>;
}
export type Snapshot = ReadonlyMap<string, Table>;

/** Writes what was learnt for another task. */
export type Write = (id: string, now: number) => void;
type Bind = (id: string, now: number) => SQLInputValue;

export function snapshot(db: DatabaseSync): Snapshot {
  const names = db.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  );
  return new Map(names.all().map(({ name }) => [String(name), read(db, String(name))]));
}

function read(db: DatabaseSync, table: string): Table {
  const columns = db.prepare(`PRAGMA table_info("${table}")`).all();
  const key = columns.filter(({ pk }) => pk !== 0).map(({ name }) => String(name));
  const rows = db.prepare(`SELECT * FROM "${table}"`).all();
  return { key, rows: new Map(rows.map((row) => [JSON.stringify(key.map((name) => row[name])), row])) };
}

/** The rows of the task `id` before and after something happened to it. */
export interface Seen {
  readonly id: string;
  readonly before: Snapshot;
  readonly after: Snapshot;
}

/** What was seen to change for one task, as a function that does the same for another. */
export function replay(db: DatabaseSync, { id, before, after }: Seen): Write {
  const writes: Write[] = [];
  const bindings = binder(id, after);
  for (const [name, table] of after) {
    for (const [key, row] of table.rows) {
      if (!Object.values(row).includes(id)) continue;
      const old = before.get(name)?.rows.get(key);
      if (old === undefined) writes.push(insert(db, name, row, bindings));
      else if (changed(old, row).length > 0) writes.push(update(db, name, table.key, old, row, bindings));
    }
    for (const [key, row] of before.get(name)?.rows ?? []) {
      if (table.rows.has(key) || !Object.values(row).includes(id)) continue;
      writes.push(remove(db, name, table.key, row, bindings));
    }
  }
  if (writes.length === 0) throw new Error(`Task ${id} was not seen to write anything.`);
  return (newId, now) => {
    for (const write of writes) write(newId, now);
  };
}

function changed(old: Row, row: Row): string[] {
  return Object.keys(row).filter((column) => !same(old[column], row[column]));
}

function same(a: SQLOutputValue | undefined, b: SQLOutputValue | undefined): boolean {
  return a === b || (a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0);
}

function insert(db: DatabaseSync, table: string, row: Row, bind: (value: SQLOutputValue) => Bind): Write {
  const columns = Object.keys(row).filter((name) => row[name] !== null);
  const sql = `INSERT INTO "${table}" (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  return prepared(
    db,
    sql,
    columns.map((name) => bind(row[name] ?? null)),
  );
}

function update(
  db: DatabaseSync,
  table: string,
  key: readonly string[],
  old: Row,
  row: Row,
  bind: (value: SQLOutputValue) => Bind,
): Write {
  const columns = changed(old, row);
  const sql = `UPDATE "${table}" SET ${columns.map((name) => `${name} = ?`).join(", ")} WHERE ${where(key)}`;
  return prepared(
    db,
    sql,
    [...columns, ...key].map((name) => bind(row[name] ?? null)),
  );
}

function remove(
  db: DatabaseSync,
  table: string,
  key: readonly string[],
  row: Row,
  bind: (value: SQLOutputValue) => Bind,
): Write {
  return prepared(
    db,
    `DELETE FROM "${table}" WHERE ${where(key)}`,
    key.map((name) => bind(row[name] ?? null)),
  );
}

function where(key: readonly string[]): string {
  return key.map((name) => `${name} = ?`).join(" AND ");
}

function prepared(db: DatabaseSync, sql: string, bindings: readonly Bind[]): Write {
  const statement = db.prepare(sql);
  return (id, now) => {
    statement.run(...bindings.map((bind) => bind(id, now)));
  };
}

/** How a value of the probe becomes one of another task: its id, a time relative to its creation, or as it is. */
function binder(id: string, seen: Snapshot): (value: SQLOutputValue) => Bind {
  const times = [...seen.values()]
    .flatMap(({ rows }) => [...rows.values()])
    .filter((row) => Object.values(row).includes(id))
    .flatMap((row) => Object.values(row))
    .filter(isTime);
  const created = Math.min(...times);
  return (value) => {
    if (value === id) return (newId) => newId;
    if (isTime(value)) return (_, now) => value - created + now;
    return () => value;
  };
}

/** Milliseconds since 1970, of this century. */
function isTime(value: SQLOutputValue): value is number {
  return typeof value === "number" && value > 1e12 && value < 4e12;
}
