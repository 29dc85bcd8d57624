/** The folder of one history: the store under test, the journal, and the processes that are let loose on them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeSqlite, openSqliteStore } from "../../packages/perdure/src/store/sqlite/index.ts";
import { Child, type Exit } from "./children.ts";
import { check } from "./checker.ts";
import { eventsOf, Journal, type JournalEvent } from "./journal.ts";
import type { Orders } from "./program/orders.ts";
import { type FinalTask, readRecord } from "./program/read-record.ts";
import { toReasons } from "./report.ts";

/** Whatever is open when nothing is killed any more must end within this time. */
const finishMs = 30_000;

export interface Verdict {
  readonly reasons: readonly string[];
  readonly record: readonly FinalTask[];
  readonly events: readonly JournalEvent[];
}

export interface ArenaOptions {
  /** Where the store lies; default: in the folder of the arena. */
  readonly storeFolder?: string;
  readonly seed: number;
}

export class Arena {
  readonly store: string;
  readonly journal: Journal;
  readonly #folder: string;
  readonly #seed: number;
  /** What went wrong in a way that no history tells. */
  readonly #mishaps: string[] = [];

  constructor(folder: string, { storeFolder, seed }: ArenaOptions) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#seed = seed;
    this.store = join(storeFolder ?? folder, "tasks.db");
    this.journal = new Journal(join(folder, "journal.jsonl"));
  }

  spawn(orders: Partial<Orders> & Pick<Orders, "name" | "work">, program = "main"): Child {
    const base = {
      store: this.store,
      journal: this.journal.file,
      stopFile: join(this.#folder, "stop"),
      seed: this.#seed,
      stepMs: 3,
    };
    return new Child(this.journal, { ...base, ...orders }, program);
  }

  /** From now on programs submit nothing new, and end when all that they submitted has ended. */
  stop(): void {
    writeFileSync(join(this.#folder, "stop"), "");
  }

  mishap(text: string): void {
    this.#mishaps.push(text);
  }

  /** A program that was killed died of that, and of nothing else. */
  expectKilled(exit: Exit | undefined, when: string): void {
    if (exit?.signal !== "SIGKILL") this.mishap(`${when}: ${describeExit(exit)} instead of being killed`);
  }

  /** Waits until a program that nobody kills has ended by itself, its work done. */
  async finish(child: Child, withinMs = finishMs): Promise<void> {
    const exit = await child.exitWithin(withinMs);
    if (exit?.code === 0) return;
    this.mishap(`${child.name}, left alone: ${describeExit(exit)} instead of finishing`);
    if (exit === undefined) await child.kill();
  }

  /** Whether nobody is inside a writing transaction now. */
  canWrite(): boolean {
    const connection = nodeSqlite(this.store);
    try {
      connection.exec("PRAGMA busy_timeout = 15; BEGIN IMMEDIATE; ROLLBACK");
      return true;
    } catch {
      return false;
    } finally {
      connection.close();
    }
  }

  events(): readonly JournalEvent[] {
    return this.journal.read();
  }

  /** Reads the record as a process that has nothing to do with the others, and checks the whole history. */
  async verdict(): Promise<Verdict> {
    const events = this.events();
    this.journal.close();
    const store = openSqliteStore({ file: this.store });
    const record = await readRecord(store);
    await store.close();
    const found = toReasons(check({ events, record }));
    return { events, record, reasons: [...this.#mishaps, ...this.#damage(), ...found] };
  }

  #damage(): string[] {
    const connection = nodeSqlite(this.store);
    const rows = connection.prepare("PRAGMA integrity_check").all();
    connection.close();
    const told = rows.map((row) => String(row["integrity_check"])).filter((text) => text !== "ok");
    return told.map((text) => `the file is damaged: ${text}`);
  }
}

/** The numbers that every history has. */
export function summary({ events, record }: Verdict): string {
  const acknowledged = new Set(eventsOf(events, "acknowledged").map(({ task }) => task)).size;
  const count = (status: string): number => record.filter((task) => task.status === status).length;
  const steps = record.reduce((sum, task) => sum + task.operations.length, 0);
  return (
    `${record.length} tasks (${acknowledged} acknowledged): ${count("completed")} completed, ` +
    `${count("failed")} failed, ${count("cancelled")} cancelled; ${steps} steps, ` +
    `${eventsOf(events, "effect").length} runs of steps, ${eventsOf(events, "begun").length} attempts`
  );
}

export function describeExit(exit: Exit | undefined): string {
  if (exit === undefined) return "it still ran";
  const how = exit.signal === null ? `it ended with code ${exit.code}` : `it ended by ${exit.signal}`;
  return exit.stderr === ""
    ? how
    : `${how}, saying: ${exit.stderr.trim().split("\n").slice(-25).join(" | ")}`;
}
