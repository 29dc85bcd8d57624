/**
 * A process that can die: an application over a record that outlives it. It dies at a write, as by `kill -9`: the write
 * is committed, and nothing that this process does reaches the record, the clock or its handlers any more. No promise
 * of it settles, no signal aborts. (Code of the author's own that is under way elsewhere does go on: only a real kill
 * ends that.)
 */
import { type App, perdure } from "../../app/app.ts";
import type { ArtifactStore } from "../../store/artifacts/artifact-store.ts";
import type { Executor, RecordOperation, TaskStore } from "../../store/store.ts";
import type { Clock } from "../../task/clock.ts";
import type { IdSource } from "../../task/id.ts";

export interface MortalProcessParts {
  readonly store: TaskStore;
  /** Outlives it, like the record. */
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** The number of the write after which it dies, the first being 1; undefined: it lives. */
  readonly diesAfter: number | undefined;
  /** What is recorded instead: the outcome that the same step had before. */
  readonly instead: (operation: RecordOperation) => Promise<RecordOperation>;
}

type Call = (...parameters: never[]) => unknown;
interface Named {
  readonly name: string;
}

const ignore = (): void => undefined;
const never = new Promise<never>(ignore);

/** The writes of a handler after which a process may die, and how they are spoken of. */
const spokenWrites: Readonly<Record<string, (write: never, number: number) => string>> = {
  recordOperation: ({ kind, name, state }: RecordOperation) =>
    state === "done" ? `${kind} ${JSON.stringify(name)}` : `${kind} ${JSON.stringify(name)} (${state})`,
  openWait: ({ name, wait }: Named & { readonly wait: { readonly kind: string } }) =>
    `${wait.kind} ${JSON.stringify(name)} (open)`,
  openCall: ({ name }: Named) => `call ${JSON.stringify(name)} (open)`,
  saveState: (_: never, number: number) => `save (write ${number})`,
};

export class MortalProcess {
  readonly app: App;
  /** What was written, in order. */
  readonly writes: string[] = [];
  readonly #parts: MortalProcessParts;
  #dead = false;

  constructor(parts: MortalProcessParts) {
    this.#parts = parts;
    this.app = perdure({
      name: "replay",
      version: "0.0.0",
      store: this.#mortalStore(),
      artifacts: outliving(parts.artifacts),
      clock: {
        now: () => parts.clock.now(),
        after: (ms, run) => parts.clock.after(ms, this.#whileAlive(run)),
      },
      ids: parts.ids,
      random: () => 0.5,
      linger: 0,
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
  }

  get dead(): boolean {
    return this.#dead;
  }

  #mortalStore(): TaskStore {
    const { store } = this.#parts;
    const executor = this.#mortal(store.executor, {
      start: (request: Parameters<Executor["start"]>[0]) =>
        store.executor.start({ ...request, wake: this.#whileAlive(request.wake) }),
    });
    const own: Record<string, Call> = {
      subscribe: (listener: Parameters<TaskStore["subscribe"]>[0]) =>
        store.subscribe((change) => {
          if (!this.#dead) listener(change);
        }),
      recordOperation: async (operation: RecordOperation) =>
        store.recordOperation(await this.#parts.instead(operation)),
    };
    return this.#mortal(store, own, { executor });
  }

  /** The same object, whose methods do nothing and never answer once the process is dead. */
  #mortal<T extends object>(target: T, own: Record<string, Call>, properties: object = {}): T {
    return new Proxy(target, {
      get: (_, key) => {
        if (key in properties) return Reflect.get(properties, key) as unknown;
        const value = (own[String(key)] ?? Reflect.get(target, key, target)) as unknown;
        if (typeof value !== "function") return value;
        if (key === "subscribe") return value;
        const call = value as Call;
        return async (...parameters: never[]) =>
          this.#dead ? never : this.#outlived(String(key), parameters, call.apply(target, parameters));
      },
    });
  }

  async #outlived(method: string, [first]: readonly unknown[], answer: unknown): Promise<unknown> {
    try {
      const value = await answer;
      const spoken = spokenWrites[method];
      if (spoken !== undefined && !this.#dead && first !== undefined) {
        this.writes.push(spoken(first as never, this.writes.length + 1));
        this.#dead = this.writes.length === this.#parts.diesAfter;
      }
      return this.#dead ? await never : value;
    } catch (error) {
      if (this.#dead) return never;
      throw error;
    }
  }

  #whileAlive(run: () => void): () => void {
    return () => {
      if (!this.#dead) run();
    };
  }
}

/** The same place, which is not closed with the application. */
function outliving(artifacts: ArtifactStore): ArtifactStore {
  return {
    location: artifacts.location,
    create: (key) => artifacts.create(key),
    open: (key, range) => artifacts.open(key, range),
    remove: (key) => artifacts.remove(key),
    sweep: (taskId, keep) => artifacts.sweep(taskId, keep),
    close: async () => undefined,
  };
}
