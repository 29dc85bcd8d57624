/**
 * Dispatch from the `due_at` of the record. Every process that has handlers executes; they share the work by claiming
 * it (`claim.ts`), and hear of new work by notifications. A poll finds what no notification told of: its process was
 * killed between the commit and the word about it.
 */
import type {
  ClaimedTasks,
  ClaimTasks,
  Executor,
  NextDue,
  StartExecutor,
  TaskChange,
  ToolVersions,
} from "../store.ts";
import { claimTasks, nextDueAt, type Turns } from "./claim.ts";
import type { CommitGroup } from "./commit-group.ts";
import type { Database } from "./database.ts";
import type { Membership } from "./membership.ts";
import { beginTask } from "./transitions/engine.ts";

const pollMs = 5_000;

export interface ExecutorParts {
  readonly database: Database;
  readonly commits: CommitGroup;
  readonly membership: Membership;
  readonly ready: () => Promise<void>;
  /** Has notifications heard until the function that it returns was called. */
  readonly listen: () => () => void;
  readonly committed: (changes: readonly TaskChange[]) => void;
  /** Is told when this process begins to execute, or may have. */
  readonly onExecutes: () => void;
  readonly onError: (error: unknown) => void;
}

export class PostgresExecutor implements Executor {
  readonly #parts: ExecutorParts;
  readonly #turns: Turns = new Map();
  #request: StartExecutor | undefined;
  #executes = false;
  #endListening: (() => void) | undefined;
  #poll: NodeJS.Timeout | undefined;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  get executes(): boolean {
    return this.#executes;
  }

  /** It was started, and has lost what it ran; until it is known again. */
  get isLost(): boolean {
    return this.#endListening !== undefined && !this.#executes;
  }

  async start(request: StartExecutor): Promise<void> {
    const { membership, ready, listen } = this.#parts;
    await ready();
    this.#request = request;
    await membership.announce(request);
    await membership.recover(false);
    if (this.#request !== request) return;
    this.#endListening ??= listen();
    clearInterval(this.#poll);
    this.#poll = setInterval(() => this.notifyDue(), pollMs);
    this.#executes = true;
    this.#parts.onExecutes();
  }

  async claim(request: ClaimTasks): Promise<ClaimedTasks> {
    const { database, membership, commits, committed } = this.#parts;
    if (!this.#executes || request.tools.length === 0) return { begun: [], more: false };
    const { looping, ...claimed } = await claimTasks(database, membership.id, request, this.#turns);
    committed(
      claimed.begun.map(({ id, attempt, revision, status }) => ({ taskId: id, attempt, revision, status })),
    );
    await Promise.all(looping.map((one) => commits.run(beginTask(one))));
    return claimed;
  }

  async nextDueMs(request: NextDue): Promise<number | undefined> {
    const { database } = this.#parts;
    await this.#parts.ready();
    const at = await nextDueAt(database, request);
    return at === undefined ? undefined : Math.max(0, at - database.now());
  }

  async activeTools(): Promise<readonly string[] | undefined> {
    await this.#parts.ready();
    return this.#parts.membership.activeTools();
  }

  async activeVersions(): Promise<ToolVersions> {
    await this.#parts.ready();
    return this.#parts.membership.activeVersions();
  }

  async stop(): Promise<void> {
    if (!this.halt()) return;
    // A close does not fail for a database that is away: it is missed when its lease is over.
    await this.#parts.membership.announce(undefined).catch(this.#parts.onError);
  }

  /** As `stop`, of a process that goes: the others hear of that. Whether it was started. */
  halt(): boolean {
    const started = this.#request !== undefined;
    this.#request = undefined;
    this.#executes = false;
    clearInterval(this.#poll);
    this.#endListening?.();
    this.#endListening = undefined;
    return started;
  }

  /** Something may be due that was not before: by this process's own hand, or by another's. */
  notifyDue(by?: "own"): void {
    this.#request?.wake(by);
  }

  /** Another process has declared this one dead: whatever it runs has been taken over. */
  lose(): void {
    this.#executes = false;
    this.notifyDue();
  }

  /** It is known again, under a new id. */
  rejoin(): void {
    if (this.#request === undefined || this.#endListening === undefined) return;
    this.#executes = true;
    this.notifyDue();
  }
}
