/** Memory records as they are kept: what a session left behind for all later ones. */
import type { Database } from "./database.ts";
import { newMemoryRecordId } from "./ids.ts";
import type { RecordMetadata } from "./record-filter.ts";
import type { RecordExpiry, RecordToCreate, RecordToUpdate } from "./record-shapes.ts";

export interface StoredRecord {
  readonly seq: number;
  readonly recordId: string;
  readonly namespaces: readonly string[];
  readonly text: string;
  readonly strategyId: string | null;
  readonly metadata: RecordMetadata;
  /** Of the content it was made from; milliseconds, as all times here. */
  readonly timestamp: number;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

interface RecordRow extends Omit<StoredRecord, "namespaces" | "metadata"> {
  readonly namespaces: string;
  readonly metadata: string | null;
}

const columns = `seq, record_id AS recordId, namespaces, text, strategy_id AS strategyId, metadata, timestamp,
  created_at AS createdAt, expires_at AS expiresAt`;
const isAlive = "(expires_at IS NULL OR expires_at > ?)";
const dayMs = 24 * 60 * 60 * 1000;

/** Writes belong into a transaction. */
export class RecordStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  find(memoryId: string, recordId: string, now: number): StoredRecord | undefined {
    const row = this.#database.get(
      `SELECT ${columns} FROM records WHERE memory_id = ? AND record_id = ? AND ${isAlive}`,
      memoryId,
      recordId,
      now,
    );
    return row === undefined ? undefined : toRecord(row as unknown as RecordRow);
  }

  /** Newest first. */
  all(memoryId: string, now: number): StoredRecord[] {
    const rows = this.#database.all(
      `SELECT ${columns} FROM records WHERE memory_id = ? AND ${isAlive} ORDER BY seq DESC`,
      memoryId,
      now,
    ) as unknown as readonly RecordRow[];
    return rows.map(toRecord);
  }

  /** Returns the id. */
  add(memoryId: string, record: RecordToCreate, expiry: RecordExpiry | undefined, now: number): string {
    const recordId = newMemoryRecordId();
    this.#database.run(
      `INSERT INTO records
         (memory_id, record_id, namespaces, text, strategy_id, metadata, timestamp, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      memoryId,
      recordId,
      JSON.stringify(record.namespaces),
      record.content.text ?? "",
      record.memoryStrategyId ?? null,
      record.metadata === undefined ? null : JSON.stringify(record.metadata),
      record.timestamp,
      now,
      expiresAt(expiry, null, now),
    );
    return recordId;
  }

  /** What is left out stays as it is. */
  change(before: StoredRecord, update: RecordToUpdate, expiry: RecordExpiry | undefined, now: number): void {
    this.#database.run(
      `UPDATE records SET namespaces = ?, text = ?, strategy_id = ?, metadata = ?, timestamp = ?, expires_at = ?
       WHERE seq = ?`,
      JSON.stringify(update.namespaces ?? before.namespaces),
      update.content?.text ?? before.text,
      update.memoryStrategyId ?? before.strategyId,
      JSON.stringify(update.metadata ?? before.metadata),
      update.timestamp,
      expiresAt(expiry, before.expiresAt, now),
      before.seq,
    );
  }

  remove({ seq }: StoredRecord): void {
    this.#database.run("DELETE FROM records WHERE seq = ?", seq);
  }

  removeExpired(now: number): void {
    this.#database.run("DELETE FROM records WHERE expires_at <= ?", now);
  }
}

function expiresAt(expiry: RecordExpiry | undefined, before: number | null, now: number): number | null {
  if (expiry === undefined) return before;
  const { recordExpiryDurationDays: days } = expiry;
  return days === undefined ? null : now + days * dayMs;
}

function toRecord(row: RecordRow): StoredRecord {
  return {
    ...row,
    namespaces: JSON.parse(row.namespaces) as string[],
    metadata: row.metadata === null ? {} : (JSON.parse(row.metadata) as RecordMetadata),
  };
}
