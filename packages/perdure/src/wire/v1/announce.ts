/**
 * `notifications/tasks/status` for a task, on a stream of the client that started it. A courtesy: the specification
 * lets nobody rely on it, so it is sent by the process that holds the stream, and by no other.
 */
import type { TaskSummary } from "../../task/record.ts";
import type { Service } from "../service.ts";
import type { V1Stream } from "./client.ts";
import { taskView } from "./task-view.ts";

export const statusNotification = "notifications/tasks/status";

/** Until the task has ended or the stream is gone. */
export function announce(service: Service, stream: V1Stream, task: TaskSummary): void {
  follow(service, stream, task).catch((error: unknown) => {
    if (!service.runtime.closing) {
      service.runtime.logger.warn({ err: error, taskId: task.id }, "the status of a task could not be sent");
    }
  });
}

async function follow({ runtime, ...service }: Service, stream: V1Stream, task: TaskSummary): Promise<void> {
  using watch = runtime.watches.open(task.id);
  let { status } = task;
  for (;;) {
    const now = await runtime.store.summary({ taskId: task.id });
    if (now === undefined || stream.gone.aborted) return;
    if (now.status !== status) {
      status = now.status;
      const view = await taskView({ runtime, ...service }, now);
      if (view !== undefined) stream.notify(statusNotification, view);
    }
    if (now.phase === "ended") return;
    await watch.changed(stream.gone);
  }
}
