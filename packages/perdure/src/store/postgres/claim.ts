/**
 * Which due tasks begin next. The highest priority comes first; within one the owners take turns, and of an owner the
 * longest due. While fewer are due than there are slots nobody has to wait, and the order is that of time alone.
 *
 * They are chosen by reading, without a lock, and then begun (`begin-due.ts`). Where more is due than there are slots,
 * it is asked whose turn it is: the owner that follows the last one by name, one step of the index for each owner.
 * Owners whose tasks all sleep, or who have as many running as they may, are passed over, at most a bounded number in
 * one claim.
 */
import type { TaskId } from "../../task/id.ts";
import type { Timestamp } from "../../task/record.ts";
import type { ClaimedTasks, ClaimTasks, ClaimTool, NextDue } from "../store.ts";
import { type Begun, beginDue, type Picked } from "./begin-due.ts";
import type { Database } from "./database.ts";
import { OwnerSlots } from "./owner-slots.ts";

/** The owner that had the last turn, by priority. Kept by the process, from one claim to the next. */
export type Turns = Map<number, string>;

interface Due {
  readonly id: TaskId;
  readonly owner: string;
  readonly dueAt: Timestamp;
  readonly tool: ClaimTool;
}

/** The due tasks of a tool, of one version and priority: a range of the index. */
interface Lane {
  readonly tool: ClaimTool;
  readonly version: string;
  readonly priority: number;
  /** The longest due, a few more than are wanted. */
  readonly due: readonly Due[];
}

/** Owners looked at for one lane, beside four for each task that is wanted. */
const ownersLookedAt = 64;
/**
 * Of one tool alone more are named than are wanted, so that processes that claim together do not all reach for the
 * same few.
 */
const spare = 32;

/** Version and priority in use of each tool: the index is asked for the next pair, again and again. */
const groups = `
  wanted AS (
    SELECT * FROM json_to_recordset($1::json) AS w(tool text, most integer, versions text)
    WHERE NOT EXISTS (SELECT 1 FROM @.paused_tools p WHERE p.tool = w.tool)
  ),
  groups AS (
    SELECT w.tool, w.most, w.versions, g.version, g.priority FROM wanted w CROSS JOIN LATERAL (
      SELECT version, priority FROM @.tasks t WHERE t.tool = w.tool AND due_at IS NOT NULL
      ORDER BY version, priority LIMIT 1) g
    UNION ALL
    SELECT s.tool, s.most, s.versions, g.version, g.priority FROM groups s CROSS JOIN LATERAL (
      SELECT version, priority FROM @.tasks t
      WHERE t.tool = s.tool AND (t.version, t.priority) > (s.version, s.priority) AND due_at IS NOT NULL
      ORDER BY version, priority LIMIT 1) g
  ),
  lanes AS (
    SELECT * FROM groups
    WHERE versions IS NULL OR version IN (SELECT json_array_elements_text(versions::json))
  )`;

const longestDue = `
  WITH RECURSIVE ${groups}
  SELECT l.tool, l.version, l.priority, d.id, d.owner, d.due_at FROM lanes l CROSS JOIN LATERAL (
    SELECT id, owner, due_at, row_number() OVER (ORDER BY t.due_at) AS place FROM @.tasks t
    WHERE t.tool = l.tool AND t.version = l.version AND t.priority = l.priority AND t.due_at <= $2
    ORDER BY t.due_at LIMIT l.most + $3
  ) d ORDER BY l.priority DESC, d.due_at, d.place`;

const dueOfOwners = `
  SELECT d.* FROM unnest($4::text[]) WITH ORDINALITY AS o(owner, place) CROSS JOIN LATERAL (
    SELECT id, owner, due_at FROM @.tasks t
    WHERE t.tool = $1 AND t.version = $2 AND t.priority = $3 AND t.owner = o.owner AND t.due_at <= $5
    ORDER BY t.due_at LIMIT $6
  ) d ORDER BY o.place, d.due_at`;

/** The next owners after one, with when the first task of each is due. */
const nextOwners = `
  WITH RECURSIVE owners AS (
    (SELECT owner, due_at, 1 AS n FROM @.tasks
      WHERE tool = $1 AND version = $2 AND priority = $3 AND owner > $4 AND due_at IS NOT NULL
      ORDER BY owner, due_at LIMIT 1)
    UNION ALL
    SELECT f.owner, f.due_at, o.n + 1 FROM owners o CROSS JOIN LATERAL (
      SELECT owner, due_at FROM @.tasks
      WHERE tool = $1 AND version = $2 AND priority = $3 AND owner > o.owner AND due_at IS NOT NULL
      ORDER BY owner, due_at LIMIT 1) f
    WHERE o.n < $5
  )
  SELECT owner, due_at FROM owners ORDER BY owner`;

const nextDue = `
  WITH RECURSIVE ${groups}
  SELECT least(
    (SELECT min(deadline_at) FROM @.tasks WHERE deadline_at IS NOT NULL AND ended_at IS NULL),
    (SELECT min(f.due_at) FROM lanes l CROSS JOIN LATERAL (
      SELECT t.due_at FROM @.tasks t
      WHERE t.tool = l.tool AND t.version = l.version AND t.priority = l.priority AND t.due_at > $2
      ORDER BY t.due_at LIMIT 1) f)
  ) AS at`;

export interface Claimed extends ClaimedTasks {
  readonly looping: Begun["looping"];
}

export async function claimTasks(
  database: Database,
  process: string,
  request: ClaimTasks,
  turns: Turns,
): Promise<Claimed> {
  const claim = new Claim(database, request, turns);
  const lanes = await readLanes(database, request);
  for (const priority of [...new Set(lanes.map((lane) => lane.priority))].toSorted((a, b) => b - a)) {
    await claim.take(
      priority,
      lanes.filter((lane) => lane.priority === priority),
    );
  }
  return claim.begin(process, lanes);
}

/** When the next task of these tools, or any deadline, is due. */
export async function nextDueAt(
  database: Database,
  { tools, versions = {}, after = -1 }: NextDue,
): Promise<number | undefined> {
  const wanted = tools.map((tool) => wantedOf(tool, 0, versions[tool]));
  const [row] = await database.query<{ at: number | null }>(nextDue, [JSON.stringify(wanted), after]);
  return row?.at ?? undefined;
}

function wantedOf(tool: string, most: number, versions: readonly string[] | undefined): object {
  return { tool, most, versions: versions === undefined ? null : JSON.stringify(versions) };
}

async function readLanes(database: Database, { tools, limit }: ClaimTasks): Promise<Lane[]> {
  const wanted = tools.map(({ tool, slots, versions }) =>
    wantedOf(tool, Math.max(0, Math.min(limit, slots)), versions),
  );
  const rows = await database.query<{
    readonly tool: string;
    readonly version: string;
    readonly priority: number;
    readonly id: TaskId;
    readonly owner: string;
    readonly due_at: Timestamp;
  }>(longestDue, [JSON.stringify(wanted), database.now(), tools.length === 1 ? 1 + spare : 1]);
  const byName = new Map(tools.map((tool) => [tool.tool, tool]));
  const lanes = Map.groupBy(rows, ({ tool, version, priority }) => [tool, version, priority].join("\0"));
  return [...lanes.values()].flatMap((due) => {
    const [first] = due;
    const tool = byName.get(first?.tool ?? "");
    if (first === undefined || tool === undefined) return [];
    const { version, priority } = first;
    return [
      {
        tool,
        version,
        priority,
        due: due.map(({ id, owner, due_at: dueAt }) => ({ id, owner, dueAt, tool })),
      },
    ];
  });
}

class Claim {
  readonly #database: Database;
  readonly #request: ClaimTasks;
  readonly #turns: Turns;
  readonly #now: Timestamp;
  readonly #owners: OwnerSlots;
  readonly #slots: Map<ClaimTool, number>;
  readonly #taken: Due[] = [];
  #more = false;

  constructor(database: Database, request: ClaimTasks, turns: Turns) {
    this.#database = database;
    this.#request = request;
    this.#turns = turns;
    this.#now = database.now();
    this.#owners = new OwnerSlots(database, request);
    this.#slots = new Map(request.tools.map((tool) => [tool, tool.slots]));
  }

  /** Takes what it may of one priority. */
  async take(priority: number, lanes: readonly Lane[]): Promise<void> {
    const wanted = this.#request.limit - this.#taken.length;
    const due: Due[] = [];
    for (const lane of lanes) due.push(...(await this.#dueOf(lane, wanted)));
    const byOwner = Map.groupBy(
      due.toSorted((a, b) => a.dueAt - b.dueAt),
      ({ owner }) => owner,
    );
    await this.#owners.count([...byOwner.keys()]);
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

  async begin(process: string, lanes: readonly Lane[]): Promise<Claimed> {
    const wanted = this.#taken.length;
    const full = this.#owners.full ? { ownersFullAt: this.#now } : {};
    if (wanted === 0) return { begun: [], looping: [], more: this.#more, ...full };
    const picked: Picked[] = this.#taken.map(({ id, tool: { maxCrashes } }) => ({ id, maxCrashes }));
    if (this.#request.tools.length === 1 && !this.#owners.bounded) {
      const taken = new Set(picked.map(({ id }) => id));
      const others = lanes.flatMap(({ due }) => due).filter(({ id }) => !taken.has(id));
      picked.push(...others.map(({ id, tool: { maxCrashes } }) => ({ id, maxCrashes })));
    }
    const { records, looping } = await beginDue(this.#database, process, picked, wanted);
    const more = this.#more || records.length + looping.length < wanted;
    return { begun: records, looping, more, ...full };
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
  async #dueOf(lane: Lane, wanted: number): Promise<Due[]> {
    const most = Math.min(wanted, this.#slots.get(lane.tool) ?? 0);
    const longest = lane.due.slice(0, Math.max(0, most) + 1);
    if (longest.length <= most) return longest;
    this.#more = true;
    if (most <= 0) return [];
    const owners = await this.#dueOwners(lane, most);
    // None among those that were looked at: whoever waits longest, meanwhile.
    if (owners.length === 0) return longest;
    const share = Math.ceil(most / owners.length);
    const due = await this.#dueOfOwners(lane, owners, share);
    const missing = most - due.length;
    if (missing <= 0) return due;
    const counts = Map.groupBy(due, ({ owner }) => owner);
    const rich = owners.filter((owner) => counts.get(owner)?.length === share);
    const more = await this.#dueOfOwners(lane, rich, share + missing);
    return [...due.filter(({ owner }) => !rich.includes(owner)), ...more];
  }

  async #dueOfOwners(
    { tool, version, priority }: Lane,
    owners: readonly string[],
    most: number,
  ): Promise<Due[]> {
    if (owners.length === 0) return [];
    const rows = await this.#database.query<{ id: TaskId; owner: string; due_at: Timestamp }>(dueOfOwners, [
      tool.tool,
      version,
      priority,
      owners,
      this.#now,
      most,
    ]);
    return rows.map(({ id, owner, due_at: dueAt }) => ({ id, owner, dueAt, tool }));
  }

  /** The owners whose turn it is, at most `wanted`. */
  async #dueOwners(lane: Lane, wanted: number): Promise<string[]> {
    const last = this.#turns.get(lane.priority) ?? "";
    const most = 4 * wanted + ownersLookedAt;
    const after = await this.#nextOwners(lane, last, most);
    const before = last === "" ? [] : await this.#nextOwners(lane, "", most);
    const inTurn = [...after, ...before.filter(({ owner }) => compareText(owner, last) <= 0)].slice(0, most);
    await this.#owners.count(inTurn.map(({ owner }) => owner));
    const due: string[] = [];
    for (const { owner, dueAt } of inTurn) {
      if (due.length === wanted) break;
      if (dueAt <= this.#now && this.#owners.mayTake(owner, lane.tool)) due.push(owner);
    }
    // The next claim goes on from here.
    const looked = inTurn.at(-1);
    if (due.length === 0 && looked !== undefined) this.#turns.set(lane.priority, looked.owner);
    return due;
  }

  async #nextOwners(
    { tool, version, priority }: Lane,
    after: string,
    most: number,
  ): Promise<{ readonly owner: string; readonly dueAt: Timestamp }[]> {
    const rows = await this.#database.query<{ owner: string; due_at: Timestamp }>(nextOwners, [
      tool.tool,
      version,
      priority,
      after,
      most,
    ]);
    return rows.map(({ owner, due_at: dueAt }) => ({ owner, dueAt }));
  }
}

/** As the database compares names: by their bytes, which is by code points. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
