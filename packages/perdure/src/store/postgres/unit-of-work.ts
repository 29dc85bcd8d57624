/**
 * What the transitions of one group are given instead of a database: the rows that they asked for, as they stand in
 * the record, to look at and to change. A transition is a plain function on these rows; nothing of it waits, and one
 * that throws is undone. What all of them changed is then written in one statement (`write.ts`), which is refused as a
 * whole when any row that mattered has meanwhile been changed by another process.
 */
import type { TaskId } from "../../task/id.ts";
import type { TimelineEntry, Timestamp } from "../../task/record.ts";
import type { TaskStatus } from "../../task/status.ts";
import type { TaskChange } from "../store.ts";
import type { Loaded } from "./load.ts";
import type { Admission } from "./admission.ts";
import { type Count, Missing, nameOfCount, type Needs } from "./needs.ts";
import type {
  DeliveryRow,
  EventRow,
  LoadedOutbox,
  LoadedTask,
  NewDeliveryRow,
  OperationRow,
  PayloadRow,
  SignalRow,
  TaskRow,
} from "./rows.ts";

/** A value to be kept beside the row: JSON text, or bytes. */
export type Payload = string | Uint8Array;

interface TaskEntry {
  /** As it was read: what the write compares. Absent where it is created here. */
  readonly before: LoadedTask | undefined;
  now: LoadedTask | undefined;
  written: boolean;
}

export type OperationPatch = Partial<Omit<OperationRow, "task_id" | "name">>;

export class UnitOfWork {
  readonly now: Timestamp;
  /** This process. */
  readonly process: string;
  /** Names the commit; never used twice. */
  readonly stamp: number;
  readonly tasks = new Map<TaskId, TaskEntry>();
  /** By task and name; `undefined`: to be deleted. */
  readonly operations = new Map<
    string,
    { readonly before: boolean; now: OperationRow | undefined; written: boolean }
  >();
  readonly signals = new Map<string, { readonly row: SignalRow; readonly before: boolean; kept: boolean }>();
  readonly payloads = new Map<
    string,
    { readonly taskId: TaskId; readonly kind: string; value: Payload; written: boolean }
  >();
  readonly events: EventRow[] = [];
  /** Log lines that are in the record; `undefined`: to be deleted. */
  readonly logs = new Map<
    string,
    { readonly before: EventRow; now: EventRow | undefined; written: boolean }
  >();
  /** Of these the files are to be swept. */
  readonly sweeps: TaskId[] = [];
  readonly newDeliveries: NewDeliveryRow[] = [];
  /** Deliveries that are taken out again, by their keys. */
  readonly droppedDeliveries: string[] = [];
  /** All questions of these are. */
  readonly droppedQuestions: TaskId[] = [];
  /** And of these whatever they ask others' sessions. */
  readonly droppedAskers: TaskId[] = [];
  /** Outboxes that were put into, with when that is due; `undefined`: taken out of. */
  readonly outboxPuts = new Map<string, Timestamp | undefined>();
  readonly outboxes = new Map<
    string,
    { readonly before: LoadedOutbox; now: LoadedOutbox; written: boolean }
  >();
  /** By position; `undefined`: to be deleted. */
  readonly deliveries = new Map<
    number,
    { readonly before: DeliveryRow; now: DeliveryRow | undefined; written: boolean }
  >();
  /** Tools of which an attempt begins: none may be paused. */
  readonly begunTools = new Set<string>();
  /** What is taken of the room that there is, by name. */
  readonly taken = new Map<string, number>();
  /** How many tasks have ended or begun. */
  departures = 0;
  readonly changes: TaskChange[] = [];
  /** Set where a task may be due that was not before. */
  due = false;
  readonly #families: ReadonlySet<TaskId>;
  readonly #callers: ReadonlySet<TaskId>;
  readonly #awaited: ReadonlySet<TaskId>;
  readonly #waits: ReadonlySet<TaskId>;
  readonly #keys: ReadonlySet<string>;
  readonly #interim: ReadonlySet<TaskId>;
  readonly #logs: ReadonlyMap<TaskId, number>;
  readonly #counts: ReadonlyMap<string, number>;
  readonly #paused: ReadonlySet<string> | undefined;
  readonly admission: Admission;
  #undo: (() => void)[] = [];

  constructor(parts: {
    now: Timestamp;
    process: string;
    stamp: number;
    loaded: Loaded;
    needs: Needs;
    admission: Admission;
  }) {
    this.now = parts.now;
    this.process = parts.process;
    this.stamp = parts.stamp;
    this.#families = new Set(parts.needs.families);
    this.#callers = new Set([...(parts.needs.callers ?? []), ...(parts.needs.families ?? [])]);
    this.#awaited = new Set(parts.needs.awaited);
    this.#waits = new Set(parts.needs.waits);
    this.#keys = new Set(parts.needs.idempotencyKeys?.map(({ owner, tool, key }) => keyOf(owner, tool, key)));
    this.admission = parts.admission;
    this.#logs = new Map(parts.needs.logs?.map(({ taskId, limit }) => [taskId, limit]));
    for (const row of parts.loaded.logs) {
      this.logs.set(keyOf(row.task_id, row.revision), { before: row, now: row, written: false });
    }
    this.#interim = new Set(parts.needs.interim);
    this.#counts = new Map(parts.loaded.counts.map(({ name, n }) => [name, n]));
    this.#paused =
      parts.needs.pauses === true ? new Set(parts.loaded.pauses.map(({ tool }) => tool)) : undefined;
    for (const row of parts.loaded.outboxes)
      this.outboxes.set(row.session, { before: row, now: row, written: false });
    for (const row of parts.loaded.deliveries) {
      this.deliveries.set(row.position, { before: row, now: row, written: false });
    }
    for (const task of parts.loaded.tasks)
      this.tasks.set(task.id, { before: task, now: task, written: false });
    for (const row of parts.loaded.operations) {
      this.operations.set(keyOf(row.task_id, row.name), { before: true, now: row, written: false });
    }
    for (const row of parts.loaded.signals) {
      this.signals.set(keyOf(row.task_id, row.name, row.revision), { row, before: true, kept: true });
    }
    for (const { task_id: taskId, kind, value } of parts.loaded.payloads) {
      if (value !== null) this.payloads.set(keyOf(taskId, kind), { taskId, kind, value, written: false });
    }
  }

  /** Runs one transition; what it changed before it threw is undone. */
  run<T>(decide: (unit: UnitOfWork) => T): T {
    this.#undo = [];
    try {
      return decide(this);
    } catch (error) {
      for (const undo of this.#undo.toReversed()) undo();
      throw error;
    }
  }

  // ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of any state, expired too. */
  task(id: TaskId): LoadedTask | undefined {
    return this.tasks.get(id)?.now;
  }

  find(matches: (task: LoadedTask) => boolean): LoadedTask[] {
    const found: LoadedTask[] = [];
    for (const { now } of this.tasks.values()) if (now !== undefined && matches(now)) found.push(now);
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  insert(row: TaskRow): void {
    const now: LoadedTask = {
      ...row,
      stamp: this.stamp,
      asks: null,
      family: false,
      waiter_here: true,
      signals: 0,
    };
    const earlier = this.tasks.get(row.id);
    this.tasks.set(row.id, { before: undefined, now, written: true });
    this.#undo.push(() => {
      if (earlier === undefined) this.tasks.delete(row.id);
      else this.tasks.set(row.id, earlier);
    });
  }

  /** Changes a task that is there. An empty patch says: whoever looked at it before must look again. */
  update(id: TaskId, patch: Partial<LoadedTask>): LoadedTask {
    const entry = this.#entry(id);
    const { now: before, written } = entry;
    if (before === undefined) throw new Error(`task ${id} is not there`);
    const now = { ...before, ...patch, stamp: this.stamp };
    entry.now = now;
    entry.written = true;
    this.#undo.push(() => {
      entry.now = before;
      entry.written = written;
    });
    return now;
  }

  delete(id: TaskId): void {
    const entry = this.#entry(id);
    const { now: before, written } = entry;
    entry.now = undefined;
    entry.written = true;
    this.#undo.push(() => {
      entry.now = before;
      entry.written = written;
    });
  }

  /** All that ends with it, or waits for it, is there. @throws Missing where it was not read */
  requireFamily(id: TaskId): void {
    const entry = this.#entry(id);
    if (entry.before?.family === true && !this.#families.has(id)) throw new Missing({ families: [id] });
  }

  /** Whoever waits for it is there. @throws Missing where it was not read */
  requireCallers(id: TaskId): void {
    if (this.#entry(id).before?.family === true && !this.#callers.has(id))
      throw new Missing({ callers: [id] });
  }

  /** Whatever it waits for is there. @throws Missing where it was not read */
  requireAwaited(id: TaskId): void {
    if (!this.#awaited.has(id)) throw new Missing({ awaited: [id] });
  }

  /** All that these wait for is there, questions too. @throws Missing where it was not read */
  requireWaits(ids: readonly TaskId[]): void {
    if (!ids.every((id) => this.#waits.has(id))) throw new Missing({ waits: ids });
  }

  /** What a key names was looked for. @throws Missing where it was not */
  requireKey({ idempotencyKeys = [] }: Needs): void {
    for (const { owner, tool, key } of idempotencyKeys) {
      const name = keyOf(owner, tool, key);
      if (!this.#keys.has(name)) throw new Missing({ idempotencyKeys });
    }
  }

  tell(
    id: TaskId,
    row: { readonly attempt: number; readonly revision: number; readonly status: TaskStatus },
  ): void {
    const { attempt, revision, status } = row;
    const length = this.changes.push({ taskId: id, attempt, revision, status });
    this.#undo.push(() => void (this.changes.length = length - 1));
  }

  wakeExecutor(): void {
    this.due = true;
  }

  event(taskId: TaskId, revision: number, entry: TimelineEntry): void {
    const { type, ...rest } = entry;
    const detail = Object.keys(rest).length === 0 ? null : JSON.stringify(rest);
    const length = this.events.push({ task_id: taskId, revision, at: this.now, type, detail });
    this.#undo.push(() => void (this.events.length = length - 1));
  }

  // ── operations ────────────────────────────────────────────────────────────────────────────────────────────────

  operation(taskId: TaskId, name: string): OperationRow | undefined {
    return this.operations.get(keyOf(taskId, name))?.now;
  }

  findOperations(matches: (row: OperationRow) => boolean): OperationRow[] {
    const found: OperationRow[] = [];
    for (const { now } of this.operations.values()) if (now !== undefined && matches(now)) found.push(now);
    return found.toSorted((a, b) => a.revision - b.revision);
  }

  putOperation(row: OperationRow): OperationRow {
    return this.#setOperation(row.task_id, row.name, row) ?? row;
  }

  removeOperation(taskId: TaskId, name: string): void {
    this.#setOperation(taskId, name, undefined);
  }

  #setOperation(taskId: TaskId, name: string, row: OperationRow | undefined): OperationRow | undefined {
    const key = keyOf(taskId, name);
    const earlier = this.operations.get(key);
    this.operations.set(key, { before: earlier?.before ?? false, now: row, written: true });
    const entry = this.#entry(taskId);
    const task = entry.now;
    if (task !== undefined) {
      const asks = (task.asks ?? []).filter((ask) => ask !== name);
      if (row?.state === "open" && (row.kind === "ask" || row.child_asks === 1)) asks.push(name);
      entry.now = { ...task, asks };
    }
    this.#undo.push(() => {
      if (earlier === undefined) this.operations.delete(key);
      else this.operations.set(key, earlier);
      if (task !== undefined && entry.now !== undefined) entry.now = { ...entry.now, asks: task.asks };
    });
    return row;
  }

  /** A task is `input_required` while a question is open. */
  statusOf(taskId: TaskId): "working" | "input_required" {
    return (this.task(taskId)?.asks ?? []).length > 0 ? "input_required" : "working";
  }

  // ── the outbox ────────────────────────────────────────────────────────────────────────────────────────────────

  putDelivery(row: NewDeliveryRow): void {
    const length = this.newDeliveries.push(row);
    this.#undo.push(() => void (this.newDeliveries.length = length - 1));
    const due = this.outboxPuts.get(row.session);
    this.#putOutbox(row.session, due === undefined ? row.due_at : Math.min(due, row.due_at));
  }

  /** One that was put here. */
  rewriteDelivery(key: string, content: string): void {
    const at = this.newDeliveries.findIndex((row) => row.key === key);
    const before = this.newDeliveries[at];
    if (before === undefined) return;
    this.newDeliveries[at] = { ...before, content };
    this.#undo.push(() => void (this.newDeliveries[at] = before));
  }

  /** The interim results of the task that wait were read. @throws Missing */
  requireInterim(taskId: TaskId): void {
    if (!this.#interim.has(taskId)) throw new Missing({ interim: [taskId] });
  }

  /** One that was not taken for a message yet. */
  dropDelivery(session: string, key: string): void {
    const at = this.newDeliveries.findIndex((row) => row.key === key);
    if (at >= 0) {
      const [row] = this.newDeliveries.splice(at, 1);
      if (row !== undefined) this.#undo.push(() => void this.newDeliveries.splice(at, 0, row));
    }
    const length = this.droppedDeliveries.push(key);
    this.#undo.push(() => void (this.droppedDeliveries.length = length - 1));
    this.#putOutbox(session, this.outboxPuts.get(session));
  }

  dropQuestions(session: string, taskId: TaskId): void {
    for (const { key } of this.newDeliveries.filter(
      ({ kind, task_id }) => kind === "question" && task_id === taskId,
    )) {
      this.dropDelivery(session, key);
    }
    const length = this.droppedQuestions.push(taskId);
    this.#undo.push(() => void (this.droppedQuestions.length = length - 1));
    this.#putOutbox(session, this.outboxPuts.get(session));
  }

  /**
   * The task that asked has ended. No outbox is touched: whoever is just taking such a question for a message sends one
   * that was open when it looked.
   */
  dropAskedBy(askerId: TaskId): void {
    for (const { session, key } of this.newDeliveries.filter(({ asker_id }) => asker_id === askerId)) {
      this.dropDelivery(session, key);
    }
    const length = this.droppedAskers.push(askerId);
    this.#undo.push(() => void (this.droppedAskers.length = length - 1));
  }

  #putOutbox(session: string, due: Timestamp | undefined): void {
    const [had, before] = [this.outboxPuts.has(session), this.outboxPuts.get(session)];
    this.outboxPuts.set(session, due);
    this.#undo.push(() => {
      if (had) this.outboxPuts.set(session, before);
      else this.outboxPuts.delete(session);
    });
  }

  /** Whether the next delivery may be due at another time. */
  get outboxTouched(): boolean {
    return this.outboxPuts.size > 0 || [...this.outboxes.values()].some(({ written }) => written);
  }

  outbox(session: string): LoadedOutbox | undefined {
    return this.outboxes.get(session)?.now;
  }

  /** What another process has meanwhile done to the outbox makes this one look again. */
  updateOutbox(session: string, patch: Partial<LoadedOutbox>): void {
    const entry = this.outboxes.get(session);
    if (entry === undefined) throw new Error("an outbox is read before it is changed");
    const { now: before, written } = entry;
    entry.now = { ...before, ...patch, stamp: this.stamp };
    entry.written = true;
    this.#undo.push(() => {
      entry.now = before;
      entry.written = written;
    });
  }

  /** In the order in which they go: interim results last. */
  deliveriesOf(matches: (row: DeliveryRow) => boolean): DeliveryRow[] {
    const found: DeliveryRow[] = [];
    for (const { now } of this.deliveries.values()) if (now !== undefined && matches(now)) found.push(now);
    return found.toSorted(
      (a, b) =>
        Number(a.kind === "interim") - Number(b.kind === "interim") ||
        a.due_at - b.due_at ||
        a.position - b.position,
    );
  }

  /** @param patch `undefined`: it is done with */
  updateDelivery(position: number, patch: Partial<DeliveryRow> | undefined): void {
    const entry = this.deliveries.get(position);
    if (entry === undefined) throw new Error("a delivery is read before it is changed");
    const { now: before, written } = entry;
    entry.now = before === undefined || patch === undefined ? undefined : { ...before, ...patch };
    entry.written = true;
    this.#undo.push(() => {
      entry.now = before;
      entry.written = written;
    });
  }

  sweep(taskId: TaskId): void {
    const length = this.sweeps.push(taskId);
    this.#undo.push(() => void (this.sweeps.length = length - 1));
  }

  /** The log lines of a task, the oldest first, those of this unit too. @throws Missing where `limit` were not read */
  logLines(taskId: TaskId, limit: number): EventRow[] {
    if ((this.#logs.get(taskId) ?? 0) < limit) throw new Missing({ logs: [{ taskId, limit }] });
    const known = [...this.logs.values()].flatMap(({ now }) => (now?.task_id === taskId ? [now] : []));
    const added = this.events.filter(
      ({ task_id, type }) => task_id === taskId && (type === "log" || type === "dropped"),
    );
    return [...known, ...added].toSorted((a, b) => a.revision - b.revision);
  }

  /** Deletes a line, or puts another event in its place. */
  replaceEvent(row: EventRow, now: EventRow | undefined): void {
    const stored = this.logs.get(keyOf(row.task_id, row.revision));
    if (stored === undefined) {
      const before = [...this.events];
      const at = this.events.indexOf(row);
      this.events.splice(at, 1, ...(now === undefined ? [] : [now]));
      this.#undo.push(() => void this.events.splice(0, this.events.length, ...before));
      return;
    }
    const { now: before, written } = stored;
    stored.now = now;
    stored.written = true;
    this.#undo.push(() => {
      stored.now = before;
      stored.written = written;
    });
  }

  // ── what there is room for ────────────────────────────────────────────────────────────────────────────────────

  /** As it was read, with what this unit has changed of it. @throws Missing */
  count(count: Count): number {
    const known = this.#counts.get(nameOfCount(count));
    if (known === undefined) throw new Missing({ counts: [count] });
    return known;
  }

  /** Takes `n` of a room, for as long as this unit may be undone. Returns how much was taken before. */
  take(name: string, n: number): number {
    const before = this.taken.get(name) ?? 0;
    this.taken.set(name, before + n);
    this.#undo.push(() => void this.taken.set(name, before));
    return before;
  }

  takenOf(name: string): number {
    return this.taken.get(name) ?? 0;
  }

  depart(): void {
    this.departures++;
    this.#undo.push(() => void this.departures--);
  }

  /** Whether an attempt of the tool may begin. Where nobody has looked, the write does. */
  mayBegin(tool: string): boolean {
    if (this.#paused?.has(tool) === true) return false;
    this.begunTools.add(tool);
    return true;
  }

  // ── signals and values ────────────────────────────────────────────────────────────────────────────────────────

  addSignal(row: SignalRow): void {
    const key = keyOf(row.task_id, row.name, row.revision);
    this.signals.set(key, { row, before: false, kept: true });
    this.#undo.push(() => void this.signals.delete(key));
  }

  /** How many a task keeps. @throws Missing */
  signalsOf(taskId: TaskId): number {
    let added = 0;
    for (const { row, before, kept } of this.signals.values()) {
      if (row.task_id === taskId) added += Number(kept) - Number(before);
    }
    return (this.task(taskId)?.signals ?? 0) + added;
  }

  /** The earliest of a name. */
  takeSignal(taskId: TaskId, name: string): SignalRow | undefined {
    const [first] = [...this.signals.values()]
      .filter(({ row, kept }) => kept && row.task_id === taskId && row.name === name)
      .toSorted((a, b) => a.row.revision - b.row.revision);
    if (first === undefined) return undefined;
    first.kept = false;
    this.#undo.push(() => void (first.kept = true));
    return first.row;
  }

  payload(taskId: TaskId, kind: PayloadRow["kind"]): string | undefined {
    const value = this.payloads.get(keyOf(taskId, kind))?.value;
    return typeof value === "string" ? value : undefined;
  }

  putPayload(taskId: TaskId, kind: PayloadRow["kind"], value: Payload): void {
    const key = keyOf(taskId, kind);
    const earlier = this.payloads.get(key);
    this.payloads.set(key, { taskId, kind, value, written: true });
    this.#undo.push(() => {
      if (earlier === undefined) this.payloads.delete(key);
      else this.payloads.set(key, earlier);
    });
  }

  #entry(id: TaskId): TaskEntry {
    const entry = this.tasks.get(id);
    if (entry === undefined) throw new Missing({ tasks: [id] });
    return entry;
  }
}

function keyOf(...parts: readonly (string | number)[]): string {
  return parts.join("\0"); // no name holds a NUL
}
