/**
 * The tasks whose call was handed over to a client: nothing of the client asks for them by their session again, and
 * its own stream may be at another process, or come after a restart. So they are kept in the record, in one row beside
 * the session's. It is a courtesy: two processes that write it at once may lose one of the two.
 */
import type { Runtime } from "../../engine/runtime.ts";
import type { TaskId } from "../../task/id.ts";
import { isArray } from "../../task/json.ts";

/** The latest. */
const kept = 50;

export class FollowedTasks {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async add(owner: string, askedAs: string, taskId: TaskId): Promise<void> {
    const { store } = this.#runtime;
    const task = await store.summary({ taskId, owner });
    if (task === undefined || task.phase === "ended") return;
    const others = (await this.of(owner, askedAs)).filter((other) => other !== taskId);
    const taskIds = [...others, taskId].slice(-kept);
    await store.sessions.put({
      ...rowKey(owner, askedAs),
      protocolVersion: "",
      capabilities: { taskIds },
      clientInfo: {},
    });
  }

  async of(owner: string, askedAs: string): Promise<TaskId[]> {
    const row = await this.#runtime.store.sessions.get(rowKey(owner, askedAs));
    const taskIds = row?.capabilities["taskIds"];
    return isArray(taskIds ?? null) ? (taskIds as TaskId[]) : [];
  }

  /** Calls back whenever another process may have added one. */
  onOthers(look: () => void, until: AbortSignal): void {
    const unsubscribe = this.#runtime.store.subscribe((change) => {
      if (change === undefined) look();
    });
    until.addEventListener("abort", unsubscribe, { once: true });
  }
}

/** Beside the client's own sessions, whose ids hold no space. */
function rowKey(owner: string, askedAs: string): { readonly id: string; readonly owner: string } {
  return { id: `followed ${askedAs}`, owner };
}
