/** How many attempts may run at once: of each tool, and in all. */
import type { ClaimTasks, SlotsPerOwner } from "../store/store.ts";
import { quote } from "../task/errors.ts";
import type { TaskTool } from "./tool.ts";
import { versionsOf } from "./versions.ts";

/** So many at once, however many slots there are: one claim is one transaction. */
const maxClaim = 1_000;

export class Slots {
  readonly #tools: ReadonlyMap<string, TaskTool>;
  readonly #taken = new Map<string, number>();
  readonly #concurrency: number;
  readonly #perOwner: number;
  #takenInAll = 0;
  #freed = 0;
  #onEmpty: (() => void) | undefined;

  /** @param perOwner how many of `concurrency` one owner may have */
  constructor(
    concurrency: number,
    tools: ReadonlyMap<string, TaskTool>,
    perOwner: number = Number.POSITIVE_INFINITY,
  ) {
    this.#concurrency = concurrency;
    this.#perOwner = perOwner;
    this.#tools = tools;
  }

  /** Takes a slot; the returned function frees it, once. `undefined` when none is free. */
  take(tool: string): (() => void) | undefined {
    if (this.full || this.#freeOf(tool) <= 0) return undefined;
    this.#add(tool, 1);
    let freed = false;
    return () => {
      if (freed) return;
      freed = true;
      this.#freed++;
      this.#add(tool, -1);
    };
  }

  /** Whether no attempt of any tool could begin. */
  get full(): boolean {
    return this.#takenInAll >= this.#concurrency;
  }

  /** How many slots have been freed until now: whether one was, between two looks. */
  get freed(): number {
    return this.#freed;
  }

  /** Resolves once no slot is taken. */
  async empty(): Promise<void> {
    if (this.#takenInAll === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** What may be claimed now. A tool without a free slot is named too, so that its backlog is seen. */
  free(): ClaimTasks {
    const tools = [...this.#tools.values()].map((tool) => ({
      tool: tool.name,
      slots: this.#freeOf(tool.name),
      maxCrashes: tool.maxCrashes,
      versions: versionsOf(tool),
      slotsPerOwner: bound(tool.concurrencyPerOwner),
    }));
    const limit = Math.min(maxClaim, this.#concurrency - this.#takenInAll);
    return { tools, limit, slotsPerOwner: bound(this.#perOwner) };
  }

  /** What one owner may have running, where that is bounded. */
  perOwner(tool: string): SlotsPerOwner | undefined {
    const ofTool = bound(this.#tools.get(tool)?.concurrencyPerOwner);
    const inAll = bound(this.#perOwner);
    return ofTool === undefined && inAll === undefined ? undefined : { tool: ofTool, inAll };
  }

  /**
   * Which slots one more attempt has to wait for, in words; `undefined` where some are free.
   * @param running how many the owner has running: of the tool, and in all
   */
  taken(tool: string, running: { readonly ofTool: number; readonly inAll: number }): string | undefined {
    const most = this.perOwner(tool);
    const name = quote(tool);
    if (running.ofTool >= (most?.tool ?? Number.POSITIVE_INFINITY)) {
      return `its owner has ${running.ofTool} of ${name} running; concurrencyPerOwner of ${name} allows ${most?.tool}.`;
    }
    if (running.inAll >= (most?.inAll ?? Number.POSITIVE_INFINITY)) {
      return `its owner has ${running.inAll} running in all; concurrencyPerOwner allows ${most?.inAll}.`;
    }
    const ofTool = this.#tools.get(tool)?.concurrency;
    if (this.#freeOf(tool) <= 0)
      return `all slots of ${name} are taken; concurrency of ${name} is ${ofTool}.`;
    return this.full ? `all slots are taken; concurrency is ${this.#concurrency}.` : undefined;
  }

  #freeOf(tool: string): number {
    return (this.#tools.get(tool)?.concurrency ?? 0) - (this.#taken.get(tool) ?? 0);
  }

  #add(tool: string, n: number): void {
    this.#takenInAll += n;
    this.#taken.set(tool, (this.#taken.get(tool) ?? 0) + n);
    if (this.#takenInAll === 0) this.#onEmpty?.();
  }
}

function bound(count: number | undefined): number | undefined {
  return count === Number.POSITIVE_INFINITY ? undefined : count;
}
