/**
 * `subscriptions/listen` with task ids: the stream on which this generation pushes what happens to tasks.
 *
 * The acknowledgement says which ids are honoured: those of the caller's own tasks. Each is then shown as it is now,
 * because it may have changed, or ended, between its creation and this request; and again whenever a client would see
 * a difference, the end always. The stream closes with a result when nothing more can come. The same stream carries
 * the list changes that the request asks for; a listen without task ids is the SDK's.
 */
import { type ServerEventBus, SUBSCRIPTION_ID_META_KEY } from "@modelcontextprotocol/server";
import { PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../service.ts";
import { missingTasks, objectAt, readEnvelope, stamp } from "./envelope.ts";

import { type Filter, honouredChanges, listChangesTo, readFilter } from "./list-changes.ts";
import { showChanges } from "./show-changes.ts";

/** So long a silence is broken by a comment: proxies cut at 60 s and more. */
const keepAliveMs = 15_000;
/** More ids in one request are not honoured. */
const maxTaskIds = 1_000;

export interface ListenOptions {
  /** Where list changes are published: `bus` of the SDK's handler. */
  readonly bus: ServerEventBus | undefined;
  /** How many may be open at once. */
  readonly maxListens: number;
}

/** The filter of a listen for tasks that is well formed. */
export function taskFilter(params: JsonObject): Filter | undefined {
  const notifications = objectAt(params, "notifications");
  const filter = notifications === undefined ? undefined : readFilter(notifications);
  return filter?.taskIds === undefined ? undefined : filter;
}

export class Listens {
  readonly #service: Service;
  readonly #options: ListenOptions;
  readonly #open = new Set<AbortController>();

  constructor(service: Service, options: ListenOptions) {
    this.#service = service;
    this.#options = options;
  }

  /** Ends every stream as the protocol wants it: with a result. */
  close(): void {
    for (const stop of this.#open) stop.abort();
  }

  async serve(exchange: Exchange): Promise<void> {
    const { params } = exchange.request;
    if (!readEnvelope(params).declaresTasks) return exchange.error(missingTasks, 400);
    if (this.#open.size >= this.#options.maxListens) {
      return exchange.error({ code: -32_603, message: "Subscription limit reached" });
    }
    const stop = new AbortController();
    this.#open.add(stop);
    try {
      await this.#stream(exchange, taskFilter(params) ?? {}, stop.signal);
    } finally {
      this.#open.delete(stop);
    }
  }

  async #stream(exchange: Exchange, filter: Filter, stopped: AbortSignal): Promise<void> {
    const service = this.#service;
    const meta = { [SUBSCRIPTION_ID_META_KEY]: exchange.request.id };
    const notify = (method: string, params: JsonObject): void => {
      if (!until.aborted)
        exchange.notify(method, { ...params, _meta: { ...objectAt(params, "_meta"), ...meta } });
    };
    const over = new AbortController();
    const until = AbortSignal.any([exchange.gone, stopped, over.signal]);
    const { owner } = exchange.caller;
    const { askable } = readEnvelope(exchange.request.params);
    const taskIds = await this.#ownTasks(filter.taskIds ?? [], owner);
    const { bus } = this.#options;
    const changes = bus === undefined ? {} : honouredChanges(service, filter);
    notify("notifications/subscriptions/acknowledged", {
      notifications: { ...(taskIds.length > 0 && { taskIds }), ...changes },
    });

    const keepAlive = this.#keepAlive(exchange);
    const unsubscribe = bus?.subscribe(listChangesTo(changes, notify));
    try {
      const show = (task: JsonObject): void => notify("notifications/tasks", task);
      const shown = taskIds.map((taskId) => showChanges(service, { taskId, owner, askable, until, show }));
      // At a close nobody waits for what is just being read: of a thousand streams that are many readings.
      await Promise.race([Promise.all(shown), aborted(until)]);
      if (Object.keys(changes).length > 0) await aborted(until);
    } catch (error) {
      // Closing ends a stream, and is no failure of it.
      if (!(error instanceof PerdureError && error.code === "APP_CLOSED")) throw error;
    } finally {
      // When one of its tasks cannot be read, nobody follows the others any more.
      over.abort();
      keepAlive.cancel();
      unsubscribe?.();
    }
    if (!exchange.gone.aborted) exchange.result(stamp(service, { _meta: meta }));
  }

  async #ownTasks(ids: readonly string[], owner: string): Promise<TaskId[]> {
    const own: TaskId[] = [];
    for (const taskId of new Set(ids.slice(0, maxTaskIds)) as Set<TaskId>) {
      if ((await this.#service.runtime.store.summary({ taskId, owner })) !== undefined) own.push(taskId);
    }
    return own;
  }

  #keepAlive(exchange: Exchange): { cancel(): void } {
    const { clock } = this.#service.runtime;
    const beat = (): void => {
      exchange.keepAlive();
      timer = clock.after(keepAliveMs, beat);
    };
    let timer = clock.after(keepAliveMs, beat);
    return { cancel: () => timer.cancel() };
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
