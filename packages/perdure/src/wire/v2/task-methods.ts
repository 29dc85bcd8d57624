/** `tasks/get`, `tasks/update` and `tasks/cancel`. */
import type { TaskId } from "../../task/id.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../service.ts";
import { invalidParams } from "../call/tool-result.ts";
import { giveAnswers } from "./answers.ts";
import { type Askable, missingTasks, objectAt, readEnvelope, stamp } from "./envelope.ts";
import { detailedTask } from "./task-view.ts";

export const taskMethods: ReadonlySet<string> = new Set(["tasks/get", "tasks/update", "tasks/cancel"]);

/** The same for a task that never was, has expired, or belongs to somebody else. */
const unknownTask = invalidParams("Task not found");

export async function serveTaskMethod(service: Service, exchange: Exchange): Promise<void> {
  const { method, params } = exchange.request;
  const { declaresTasks, askable } = readEnvelope(params);
  if (!declaresTasks) return exchange.error(missingTasks, 400);
  const { taskId } = params;
  if (typeof taskId !== "string") return exchange.error(invalidParams("taskId must be a string"));
  const key = { taskId: taskId as TaskId, owner: exchange.caller.owner };
  if (method === "tasks/get") return getTask(service, exchange, key, askable);
  if (method === "tasks/update") return updateTask(service, exchange, key);
  return cancelTask(service, exchange, key);
}

interface OwnedTask {
  readonly taskId: TaskId;
  readonly owner: string;
}

async function getTask(
  service: Service,
  exchange: Exchange,
  key: OwnedTask,
  askable: Askable,
): Promise<void> {
  const task = await service.runtime.store.summary(key);
  const detailed = task === undefined ? undefined : await detailedTask(service, task, askable);
  if (task === undefined || detailed === undefined) return exchange.error(unknownTask);
  exchange.result(stamp(service, detailed));
  service.runtime.endGiven(task);
}

/** Acknowledged whatever the keys and the answers are: the task itself shows what is still asked. */
async function updateTask(service: Service, exchange: Exchange, key: OwnedTask): Promise<void> {
  const responses = objectAt(exchange.request.params, "inputResponses");
  if (responses === undefined) return exchange.error(invalidParams("inputResponses must be an object"));
  const task = await service.runtime.store.summary(key);
  if (task === undefined) return exchange.error(unknownTask);
  await giveAnswers(service, key, responses);
  exchange.result(stamp(service, {}));
}

/** Acknowledged also where the task had ended: the client may not have seen it yet. */
async function cancelTask(service: Service, exchange: Exchange, key: OwnedTask): Promise<void> {
  const outcome = await service.runtime.store.cancel({ ...key, byCaller: true });
  if (outcome === undefined) exchange.error(unknownTask);
  else exchange.result(stamp(service, {}));
}
