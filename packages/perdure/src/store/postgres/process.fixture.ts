/** A process that executes on a Postgres store and runs what it is told to, for tests that kill and stop it. */
import { PerdureError } from "../../task/errors.ts";
import { newTaskId } from "../../task/id.ts";
import { openPostgresStoreForTest } from "./store.ts";

export interface ProcessNotice {
  readonly what: "running" | "lost" | "written" | "refused";
  readonly id?: string;
  readonly code?: string;
}

const [url = "", lease = "900"] = process.argv.slice(2);
const store = openPostgresStoreForTest({ url, leaseMs: Number(lease), warn: () => undefined });
const tell = (notice: ProcessNotice): void => void process.send?.(notice);

const id = newTaskId(Date.now());

async function begin(): Promise<void> {
  await store.executor.start({
    tools: ["train"],
    wake: () => {
      if (!store.executor.executes) tell({ what: "lost" });
    },
  });
  await store.create({ id, tool: "train", owner: "ada", input: null, begin: true });
  tell({ what: "running", id });
}

void begin();

process.on("message", () => {
  store.saveState({ taskId: id, attempt: 1, state: 1 }).then(
    () => tell({ what: "written" }),
    (error: unknown) =>
      tell({ what: "refused", code: error instanceof PerdureError ? error.code : String(error) }),
  );
});
process.on("disconnect", () => process.exit());
