/**
 * A process that has a store open and makes the calls that its parent sends: locks and kills are only real between
 * real processes.
 *
 * Arguments: the file, and optionally the number of the SQLite statement at which the process kills itself.
 */
import { PerdureError } from "../../task/errors.ts";
import type { ClaimTasks, StartExecutor, TaskChange } from "../store.ts";
import { nodeSqlite, openSqliteStore, type SqliteDriver } from "./index.ts";
import { killedAt } from "./killing-driver.fixture.ts";

/** What the parent asks: a method of the store, or one of these. */
export interface Order {
  readonly id: number;
  readonly call: string;
  readonly argument?: unknown;
}
export type Answer =
  | { readonly id: number; readonly value?: unknown; readonly code?: undefined }
  | { readonly id: number; readonly code: string; readonly message: string };
export type Notice =
  | { readonly notice: "opened" }
  | { readonly notice: "wake"; readonly executes: boolean; readonly at: number }
  | { readonly notice: "change"; readonly change: TaskChange | undefined; readonly at: number };

const [file = "", killAt] = process.argv.slice(2);
const driver: SqliteDriver = killAt === undefined ? nodeSqlite : killedAt(Number(killAt));
const store = openSqliteStore({ file, driver });

const special: Readonly<Record<string, (argument: unknown) => unknown>> = {
  start: (argument) =>
    store.executor.start({
      tools: (argument as Pick<StartExecutor, "tools">).tools,
      wake: () => tell({ notice: "wake", executes: store.executor.executes, at: Date.now() }),
    }),
  stop: () => store.executor.stop(),
  claim: (argument) => store.executor.claim(argument as ClaimTasks),
  executes: () => store.executor.executes,
  activeTools: () => store.executor.activeTools(),
  subscribe: () => void store.subscribe((change) => tell({ notice: "change", change, at: Date.now() })),
};

process.on("message", ({ id, call, argument }: Order) => {
  const method = special[call] ?? ((given: unknown) => methods[call]?.call(store, given));
  void Promise.resolve()
    .then(() => method(argument))
    .then(
      (value) => tell({ id, value }),
      (error: unknown) => tell({ id, code: codeOf(error), message: String(error) }),
    );
});
process.on("disconnect", () => process.exit());
tell({ notice: "opened" });

const methods = store as unknown as Readonly<Record<string, (argument: unknown) => unknown>>;

function codeOf(error: unknown): string {
  return error instanceof PerdureError ? error.code : "UNKNOWN";
}

function tell(message: Answer | Notice): void {
  process.send?.(message);
}
