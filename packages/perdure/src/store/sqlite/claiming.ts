/**
 * Which due tasks begin next. The highest priority comes first; within one the owners take turns, and of an owner the
 * longest due. While fewer are due than there are slots nobody has to wait, and the order is that of time alone.
 *
 * Whose turn it is, is the owner that follows the last one by name, among those of the same priority in all tools: one
 * step of the index for each owner, whatever it has queued. Owners whose tasks all sleep, or who have as many running
 * as they may, are passed over; so that a claim stays short among thousands of those, it looks at a bounded number,
 * and goes on from there at the next claim.
 */
import type { TaskId } from "../../task/id.ts";
import type { TaskRecord, Timestamp } from "../../task/record.ts";
import type { ClaimedTasks, ClaimTasks, ClaimTool } from "../store.ts";
import { beginTask } from "./engine-transitions.ts";
import { type Group, groupsInUse } from "./groups.ts";
import { OwnerSlots } from "./owner-slots.ts";
import { pausedTools } from "./pausing.ts";
import type { Transaction } from "./transaction.ts";

/** The owner that had the last turn, by priority. Kept by the process, from one claim to the next. */
export type Turns = Map<number, string>;

interface Due {
  readonly id: TaskId;
  readonly owner: string;
  readonly dueAt: Timestamp;
  readonly tool: ClaimTool;
}

/** One group of one tool. */
interface Lane extends Group {
  readonly tool: ClaimTool;
}

/** Owners looked at for one group, beside four for each task that is wanted. */
const ownersLookedAt = 64;

export function claimTasks(tx: Transaction, request: ClaimTasks, turns: Turns): ClaimedTasks {
  const claim = new Claim(tx, request, turns);
  const lanes = lanesOf(tx, request);
  for (const priority of [...new Set(lanes.map((lane) => lane.priority))].toSorted((a, b) => b - a)) {
    claim.take(
      priority,
      lanes.filter((lane) => lane.priority === priority),
    );
  }
  return claim.begin();
}

function lanesOf(tx: Transaction, { tools }: ClaimTasks): Lane[] {
  const paused = new Set(pausedTools(tx.sql).map(({ tool }) => tool));
  return tools
    .filter(({ tool }) => !paused.has(tool))
    .flatMap((tool) =>
      groupsInUse(tx.sql, tool.tool)
        .filter(({ version }) => tool.versions?.includes(version) !== false)
        .map((group) => ({ ...group, tool })),
    );
}

class Claim {
  readonly #tx: Transaction;
  readonly #turns: Turns;
  readonly #limit: number;
  readonly #owners: OwnerSlots;
  readonly #slots: Map<ClaimTool, number>;
  readonly #taken: Due[] = [];
  #more = false;

  constructor(tx: Transaction, { tools, limit, slotsPerOwner }: ClaimTasks, turns: Turns) {
    this.#tx = tx;
    this.#turns = turns;
    this.#limit = limit;
    this.#owners = new OwnerSlots(tx.sql, slotsPerOwner);
    this.#slots = new Map(tools.map((tool) => [tool, tool.slots]));
  }

  /** Takes what it may of one priority. */
  take(priority: number, lanes: readonly Lane[]): void {
    const wanted = this.#limit - this.#taken.length;
    const due = lanes.flatMap((lane) => this.#dueOf(lane, wanted));
    const byOwner = Map.groupBy(
      due.toSorted((a, b) => a.dueAt - b.dueAt),
      ({ owner }) => owner,
    );
    const last = this.#turns.get(priority) ?? "";
    const owners = [...byOwner.keys()].toSorted(compareText);
    const first = owners.findIndex((owner) => compareText(owner, last) > 0);
    const turn = first <= 0 ? owners : [...owners.slice(first), ...owners.slice(0, first)];
    const taken: Due[] = [];
    let waiting = turn.map((owner) => byOwner.get(owner) ?? []);
    while (waiting.length > 0 && taken.length < wanted) {
      for (const queue of waiting) {
        if (taken.length === wanted) break;
        const next = this.#nextOf(queue);
        if (next === undefined) continue;
        taken.push(next);
        this.#turns.set(priority, next.owner);
      }
      waiting = waiting.filter((queue) => queue.length > 0);
    }
    this.#more ||= waiting.some((queue) => queue.length > 0);
    this.#taken.push(...taken.toSorted((a, b) => a.dueAt - b.dueAt));
  }

  begin(): ClaimedTasks {
    const begun: TaskRecord[] = [];
    for (const { id, tool } of this.#taken) {
      const record = beginTask(this.#tx, { taskId: id, maxCrashes: tool.maxCrashes });
      if (record !== undefined) begun.push(record);
    }
    return { begun, more: this.#more, ...(this.#owners.full && { ownersFullAt: this.#tx.now }) };
  }

  /** Takes the first of an owner's tasks that has a slot, and those before it away. */
  #nextOf(queue: Due[]): Due | undefined {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const slots = this.#slots.get(next.tool) ?? 0;
      if (slots <= 0) this.#more = true;
      else if (this.#owners.take(next.owner, next.tool)) {
        this.#slots.set(next.tool, slots - 1);
        return next;
      }
    }
    return undefined;
  }

  /** All that is due, where that is not more than is wanted; otherwise as many, of owners by turns. */
  #dueOf(lane: Lane, wanted: number): Due[] {
    const most = Math.min(wanted, this.#slots.get(lane.tool) ?? 0);
    const longest = this.#longestDue(lane, most + 1);
    if (longest.length <= most) return longest;
    this.#more = true;
    if (most <= 0) return [];
    const owners = this.#dueOwners(lane, most);
    // None among those that were looked at: whoever waits longest, meanwhile.
    if (owners.length === 0) return longest;
    const share = Math.ceil(most / owners.length);
    const due = owners.map((owner) => this.#dueOfOwner(lane, owner, share));
    const missing = most - due.reduce((sum, tasks) => sum + tasks.length, 0);
    if (missing <= 0) return due.flat();
    return due.flatMap((tasks, i) =>
      tasks.length < share ? tasks : this.#dueOfOwner(lane, owners[i] ?? "", share + missing),
    );
  }

  #longestDue({ tool, version, priority }: Lane, limit: number): Due[] {
    return this.#tx
      .sql(
        `SELECT id, owner, due_at AS dueAt FROM tasks INDEXED BY tasks_due
         WHERE tool = ? AND version = ? AND priority = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
      )
      .all(tool.tool, version, priority, this.#tx.now, limit)
      .map((row) => ({ ...(row as unknown as Omit<Due, "tool">), tool }));
  }

  #dueOfOwner({ tool, version, priority }: Lane, owner: string, limit: number): Due[] {
    return this.#tx
      .sql(
        `SELECT id, owner, due_at AS dueAt FROM tasks INDEXED BY tasks_turns
         WHERE tool = ? AND version = ? AND priority = ? AND owner = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
      )
      .all(tool.tool, version, priority, owner, this.#tx.now, limit)
      .map((row) => ({ ...(row as unknown as Omit<Due, "tool">), tool }));
  }

  /** The owners whose turn it is, at most `wanted`. */
  #dueOwners(lane: Lane, wanted: number): string[] {
    const last = this.#turns.get(lane.priority) ?? "";
    const due: string[] = [];
    let looked = 0;
    let owner = last;
    for (let wrapped = false; due.length < wanted; looked++) {
      const next = this.#nextOwner(lane, owner);
      if (next === undefined || (wrapped && compareText(next.owner, last) > 0)) {
        if (wrapped || last === "") return due;
        [wrapped, owner] = [true, ""];
        continue;
      }
      ({ owner } = next);
      if (next.dueAt <= this.#tx.now && this.#owners.mayTake(owner, lane.tool)) due.push(owner);
      if (looked >= 4 * wanted + ownersLookedAt) {
        // The next claim goes on from here.
        if (due.length === 0) this.#turns.set(lane.priority, owner);
        return due;
      }
    }
    return due;
  }

  #nextOwner(
    { tool, version, priority }: Lane,
    after: string,
  ): { readonly owner: string; readonly dueAt: Timestamp } | undefined {
    const row = this.#tx.sql.values(
      `SELECT owner, due_at FROM tasks INDEXED BY tasks_turns
       WHERE tool = ? AND version = ? AND priority = ? AND owner > ? AND due_at IS NOT NULL
       ORDER BY owner, due_at LIMIT 1`,
    )(tool.tool, version, priority, after);
    return row === undefined ? undefined : { owner: row[0] as string, dueAt: row[1] as Timestamp };
  }
}

/** As SQLite compares text: by its bytes, which is by code points. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
