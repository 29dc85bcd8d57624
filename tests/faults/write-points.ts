/**
 * The points at which a process can die while it writes: before and after every BEGIN, every writing statement and
 * every COMMIT, counted from the start of the process. Inside a transaction the place after one statement is the place
 * before the next, and counts once; savepoints are no points, since nothing on the disk moves with them.
 *
 * {@link WritePoints} wraps a SQLite driver, counts, and has the process signal itself at the chosen point. A signal
 * that a process sends to itself arrives before `kill` returns, so nothing that follows the point runs.
 */
import type {
  SqliteConnection,
  SqliteDriver,
  SqliteStatement,
} from "../../packages/perdure/src/store/sqlite/driver.ts";
import type { Journal } from "./journal.ts";

export type Ambush =
  /** The number of the point, from 1. */
  | { readonly signal: "SIGKILL"; readonly point: number }
  /** Laid by SIGUSR2, so many points from then, and the first from there on that lies inside a transaction. */
  | { readonly signal: "SIGSTOP"; readonly point: number };

const writes =
  /^(BEGIN|COMMIT|END|ROLLBACK(?! TO)|INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|VACUUM|REINDEX)\b/i;
const writesBelow = /^WITH\b[\s\S]*\b(INSERT|UPDATE|DELETE)\b/i;
const writingPragma =
  /^PRAGMA\s+(journal_mode|auto_vacuum|user_version|application_id|incremental_vacuum|wal_checkpoint)\s*[=(]/i;

export class WritePoints {
  readonly #journal: Journal;
  readonly #file: string;
  readonly #connections = new Set<SqliteConnection>();
  #ambush: Ambush | undefined;
  /** The point from which on the ambush waits. */
  #from = Number.POSITIVE_INFINITY;
  #count = 0;

  /** @param file the store's; other files that the driver opens (the lock) have points too, but no limits. */
  constructor(journal: Journal, file: string, ambush?: Ambush) {
    this.#journal = journal;
    this.#file = file;
    this.#ambush = ambush;
    if (ambush?.signal === "SIGKILL") this.#from = ambush.point;
    if (ambush?.signal === "SIGSTOP")
      process.once("SIGUSR2", () => (this.#from = this.#count + ambush.point));
  }

  get count(): number {
    return this.#count;
  }

  wrap(driver: SqliteDriver): SqliteDriver {
    return (file) => {
      const connection = driver(file);
      if (file === this.#file) this.#connections.add(connection);
      return this.#wrapConnection(connection, file === this.#file);
    };
  }

  /** The file may grow by so many pages and no more; `undefined`: as far as it likes. */
  limitPages(more: number | undefined): void {
    for (const connection of this.#connections) {
      const pages = Number(connection.prepare("PRAGMA page_count").get()?.["page_count"]);
      connection.exec(`PRAGMA max_page_count = ${more === undefined ? 1_073_741_823 : pages + more}`);
    }
  }

  #wrapConnection(connection: SqliteConnection, isStore: boolean): SqliteConnection {
    let noted = false;
    let inTransaction = false;
    const around = <T>(sql: string, run: () => T): T => {
      const label = writeLabel(sql);
      if (label === undefined) return run();
      if (label.startsWith("PRAGMA")) noted = false;
      if (isStore && !noted && label === "COMMIT") {
        noted = true;
        this.#noteDurability(connection);
      }
      if (!inTransaction) this.#pass(`before ${label}`);
      const result = run();
      if (label === "BEGIN") inTransaction = true;
      if (label === "COMMIT" || label === "ROLLBACK") inTransaction = false;
      this.#pass(`after ${label}`);
      return result;
    };
    return {
      exec: (sql) => around(sql, () => connection.exec(sql)),
      prepare: (sql) => wrapStatement(connection.prepare(sql), (run) => around(sql, run)),
      close: () => {
        this.#connections.delete(connection);
        connection.close();
      },
    };
  }

  #pass(label: string): void {
    this.#count++;
    const ambush = this.#ambush;
    if (ambush === undefined || this.#count < this.#from) return;
    if (ambush.signal === "SIGSTOP" && !/^after (INSERT|UPDATE)/.test(label)) return;
    this.#ambush = undefined;
    this.#journal.append({ event: "hit", point: this.#count, label });
    process.kill(process.pid, ambush.signal);
  }

  /** SIGKILL cannot show whether a commit was synced (the page cache outlives the process), so it is asked. */
  #noteDurability(connection: SqliteConnection): void {
    const synchronous = Number(connection.prepare("PRAGMA synchronous").get()?.["synchronous"]);
    const journalMode = String(connection.prepare("PRAGMA journal_mode").get()?.["journal_mode"]);
    this.#journal.append({ event: "durability", synchronous, journalMode });
  }
}

function wrapStatement(statement: SqliteStatement, around: <T>(run: () => T) => T): SqliteStatement {
  return {
    run: (...parameters) => around(() => statement.run(...parameters)),
    get: (...parameters) => around(() => statement.get(...parameters)),
    all: (...parameters) => around(() => statement.all(...parameters)),
  };
}

/** What a writing statement does, in a few words; `undefined` for one that only reads. Of several, the first. */
export function writeLabel(sql: string): string | undefined {
  const statements = sql.replace(/--[^\n]*/g, "").split(";");
  for (const statement of statements.map((text) => text.trim())) {
    if (writes.test(statement) || writesBelow.test(statement) || writingPragma.test(statement))
      return inWords(statement);
  }
  return undefined;
}

function inWords(statement: string): string {
  const [verb = "", next = "", ...rest] = statement.split(/[\s(=]+/, 5);
  switch (verb.toUpperCase()) {
    case "BEGIN":
    case "COMMIT":
    case "ROLLBACK":
    case "VACUUM":
      return verb.toUpperCase();
    case "INSERT":
      return `INSERT ${next.toUpperCase() === "OR" ? rest[2] : rest[0]}`;
    case "DELETE":
      return `DELETE ${rest[0]}`;
    default:
      return `${verb.toUpperCase()} ${next}`;
  }
}
