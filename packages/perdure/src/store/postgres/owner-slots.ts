/** How many more attempts an owner may have running: counted in the record when it is first asked, then kept along. */
import type { ClaimTasks, ClaimTool } from "../store.ts";
import type { Database } from "./database.ts";

export class OwnerSlots {
  readonly #database: Database;
  readonly #inAll: number;
  /** Whether anything is bounded at all. */
  readonly bounded: boolean;
  /** Running now, by owner, and by owner and tool. */
  readonly #running = new Map<string, number>();
  readonly #counted = new Set<string>();
  #full = false;

  constructor(database: Database, { slotsPerOwner, tools }: ClaimTasks) {
    this.#database = database;
    this.#inAll = slotsPerOwner ?? Number.POSITIVE_INFINITY;
    this.bounded = slotsPerOwner !== undefined || tools.some((tool) => tool.slotsPerOwner !== undefined);
  }

  /** Whether an owner was refused a slot. */
  get full(): boolean {
    return this.#full;
  }

  /** Before any of these is asked for. What a dead process left is due, and counts no more. */
  async count(owners: readonly string[]): Promise<void> {
    const unknown = owners.filter((owner) => !this.#counted.has(owner));
    if (!this.bounded || unknown.length === 0) return;
    const rows = await this.#database.query<{ owner: string; tool: string; n: number }>(
      `SELECT owner, tool, count(*) AS n FROM @.tasks
       WHERE running = 1 AND due_at IS NULL AND owner = ANY ($1) GROUP BY owner, tool`,
      [unknown],
    );
    for (const owner of unknown) this.#counted.add(owner);
    for (const { owner, tool, n } of rows) this.#add(owner, tool, n);
  }

  mayTake(owner: string, { tool, slotsPerOwner = Number.POSITIVE_INFINITY }: ClaimTool): boolean {
    const may =
      this.#runningOf(owner, undefined) < this.#inAll && this.#runningOf(owner, tool) < slotsPerOwner;
    this.#full ||= !may;
    return may;
  }

  take(owner: string, tool: ClaimTool): boolean {
    if (!this.mayTake(owner, tool)) return false;
    this.#add(owner, tool.tool, 1);
    return true;
  }

  #runningOf(owner: string, tool: string | undefined): number {
    return this.#running.get(keyOf(owner, tool)) ?? 0;
  }

  #add(owner: string, tool: string, n: number): void {
    for (const key of [keyOf(owner, undefined), keyOf(owner, tool)]) {
      this.#running.set(key, (this.#running.get(key) ?? 0) + n);
    }
  }
}

/** Neither an owner nor a tool holds a NUL. */
function keyOf(owner: string, tool: string | undefined): string {
  return tool === undefined ? owner : `${owner}\0${tool}`;
}
