/** How many more attempts an owner may have running: counted in the record when it is first asked, then kept along. */
import type { ClaimTool } from "../store.ts";
import type { Sql } from "./transaction.ts";

export class OwnerSlots {
  readonly #sql: Sql;
  readonly #inAll: number;
  readonly #left = new Map<string, number>();
  #full = false;

  /** @param inAll how many of one owner may run, of all tools; absent: as many as there are slots */
  constructor(sql: Sql, inAll: number | undefined) {
    this.#sql = sql;
    this.#inAll = inAll ?? Number.POSITIVE_INFINITY;
  }

  /** Whether an owner was refused a slot. */
  get full(): boolean {
    return this.#full;
  }

  mayTake(owner: string, tool: Pick<ClaimTool, "tool" | "slotsPerOwner">): boolean {
    const may =
      this.#leftOf(owner, undefined, this.#inAll) > 0 && this.#leftOf(owner, tool.tool, ofTool(tool)) > 0;
    this.#full ||= !may;
    return may;
  }

  take(owner: string, tool: Pick<ClaimTool, "tool" | "slotsPerOwner">): boolean {
    if (!this.mayTake(owner, tool)) return false;
    for (const key of [keyOf(owner, undefined), keyOf(owner, tool.tool)]) {
      const left = this.#left.get(key);
      if (left !== undefined) this.#left.set(key, left - 1);
    }
    return true;
  }

  #leftOf(owner: string, tool: string | undefined, most: number): number {
    if (most === Number.POSITIVE_INFINITY) return most;
    const key = keyOf(owner, tool);
    let left = this.#left.get(key);
    if (left === undefined) {
      left = most - countRunning(this.#sql, owner, tool);
      this.#left.set(key, left);
    }
    return left;
  }
}

function ofTool({ slotsPerOwner = Number.POSITIVE_INFINITY }: Pick<ClaimTool, "slotsPerOwner">): number {
  return slotsPerOwner;
}

/** Neither an owner nor a tool holds a NUL. */
function keyOf(owner: string, tool: string | undefined): string {
  return tool === undefined ? owner : `${owner}\0${tool}`;
}

/** What a dead process left is due, and counts no more. */
function countRunning(sql: Sql, owner: string, tool: string | undefined): number {
  const running =
    "SELECT count(*) FROM tasks INDEXED BY tasks_running WHERE running = 1 AND due_at IS NULL AND owner = ?";
  const row =
    tool === undefined ? sql.values(running)(owner) : sql.values(`${running} AND tool = ?`)(owner, tool);
  return Number(row?.[0] ?? 0);
}
