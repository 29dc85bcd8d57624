/**
 * Puts the open questions of one task to a client, along one stream of it: each as soon as it opens and nobody else
 * asks it, and takes it back when it is over. Others do not ask it while the stream is open and for a while afterwards,
 * for the client may be about to come back; the lease for that is in the record (`TaskStore.leaseQuestion`).
 */
import type { TaskWatch } from "../../store/task-watch.ts";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import type { TaskQuestion } from "../../engine/questions.ts";
import { questionsOf } from "../call/questions.ts";
import type { Service } from "../service.ts";
import type { ClientRequest, V1Session } from "./client.ts";
import { elicitationId, toClientRequest, toRequestId } from "./client-request.ts";

/** After that without a renewal, another client may be asked. */
export const leaseMs = 10_000;
const renewMs = 4_000;

/** A stream to the client. What is said when it is gone is dropped. */
export interface Channel {
  readonly gone: AbortSignal;
  /** Names the stream, also when it was resumed. */
  readonly via: string;
  /** Which questions of the task the client has heard on it before it was resumed; absent: not known. */
  readonly heard: ReadonlySet<string> | undefined;
  ask(request: ClientRequest, key: string): void;
  notify(method: string, params: JsonObject): void;
}

/** The requests to clients that are open on streams of this process, each by one or more of them. */
export interface OpenRequests {
  add(session: V1Session, requestId: string, asking: object): void;
  leave(session: V1Session, requestId: string, asking: object): void;
  /** It is over. False when it was so before: the client has answered. */
  end(session: V1Session, requestId: string): boolean;
}

export interface AskingParts {
  readonly service: Service;
  readonly requests: OpenRequests;
  readonly session: V1Session;
  /** The session's. */
  readonly askedAs: string;
  readonly channel: Channel;
  readonly taskId: TaskId;
  /** Whose client it is: no task of anybody else is asked about. */
  readonly owner: string;
  /** What has not been open for so long is not asked. */
  readonly graceMs: number;
}

export class Asking {
  /** Resolves once nothing more is asked: the task has ended, the stream is gone, or `end` was called. */
  readonly ended: Promise<void>;
  readonly #parts: AskingParts;
  readonly #stop = new AbortController();
  readonly #asked = new Map<string, TaskQuestion>();
  readonly #seenAt = new Map<string, number>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
    this.ended = this.#run().catch((error: unknown) => {
      const { runtime } = parts.service;
      if (runtime.closing || parts.channel.gone.aborted) return;
      runtime.logger.warn({ err: error, taskId: parts.taskId }, "a question could not be asked");
    });
  }

  /** The last word on the stream is about to be said: first what is over is taken back. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  async #run(): Promise<void> {
    const { service, requests, session, channel, taskId } = this.#parts;
    const until = AbortSignal.any([this.#stop.signal, channel.gone]);
    using watch = service.runtime.watches.open(taskId);
    try {
      for (;;) {
        const open = await this.#open();
        await this.#takeBack(new Set(open?.map(({ key }) => key)));
        if (open === undefined || until.aborted) return;
        await this.#pause(watch, until, await this.#askAll(open, until));
      }
    } finally {
      for (const key of this.#asked.keys()) requests.leave(session, toRequestId({ taskId, key }), this);
    }
  }

  /** `undefined` once there will be none. */
  async #open(): Promise<readonly TaskQuestion[] | undefined> {
    const { service, taskId, owner } = this.#parts;
    const { store, clock } = service.runtime;
    const task = await store.summary({ taskId, owner });
    if (task === undefined || task.phase === "ended") return undefined;
    if (task.status !== "input_required") return [];
    const now = clock.now();
    return (await questionsOf(service, taskId)).filter(({ until }) => until === undefined || until > now);
  }

  async #takeBack(open: ReadonlySet<string>): Promise<void> {
    const { requests, session, channel, taskId } = this.#parts;
    for (const [key, question] of this.#asked) {
      if (open.has(key)) continue;
      this.#asked.delete(key);
      const requestId = toRequestId({ taskId, key });
      if (!requests.end(session, requestId)) continue;
      if (question.mode === "url" && (await this.#isDone(question))) {
        channel.notify("notifications/elicitation/complete", { elicitationId: elicitationId(taskId, key) });
      }
      channel.notify("notifications/cancelled", { requestId, reason: "the question is over" });
    }
    for (const key of this.#seenAt.keys()) if (!open.has(key)) this.#seenAt.delete(key);
  }

  /** What a person was to do at a URL is done, and the client that asked them has not heard of it. */
  async #isDone({ asker }: TaskQuestion): Promise<boolean> {
    const { store } = this.#parts.service.runtime;
    const events = await store.timeline({ taskId: asker.taskId, limit: Number.MAX_SAFE_INTEGER });
    return events.some(
      (event) => event.type === "answered" && event.key === asker.key && event.action === "accept",
    );
  }

  /** @returns when to look again, in milliseconds; `undefined`: not before the task changes. */
  async #askAll(open: readonly TaskQuestion[], until: AbortSignal): Promise<number | undefined> {
    const { session, taskId, graceMs, service } = this.#parts;
    let again: number | undefined;
    for (const question of open) {
      const request = toClientRequest(taskId, question, session);
      if (request === undefined) continue;
      const now = service.runtime.clock.now();
      const seenAt = this.#seenAt.get(question.key) ?? now;
      this.#seenAt.set(question.key, seenAt);
      const early = seenAt + graceMs - now;
      again = Math.min(again ?? renewMs, early > 0 ? early : renewMs);
      if (early <= 0 && !until.aborted) await this.#ask(question, request);
    }
    return again;
  }

  async #ask(question: TaskQuestion, request: ClientRequest): Promise<void> {
    const { service, requests, session, askedAs, channel } = this.#parts;
    const { key, asker } = question;
    const { via, heard } = channel;
    const lease = await service.runtime.store.leaseQuestion({
      ...asker,
      by: askedAs,
      forMs: leaseMs,
      via,
      // What was asked by this very stream after it was resumed was heard, as far as can be known.
      heard: this.#asked.has(key) ? undefined : heard?.has(key),
    });
    if (lease !== "ask" && lease !== "asked") return;
    if (!this.#asked.has(key)) requests.add(session, request.id, this);
    this.#asked.set(key, question);
    if (lease === "ask") channel.ask(request, key);
  }

  async #pause(watch: TaskWatch, until: AbortSignal, ms: number | undefined): Promise<void> {
    if (ms === undefined) return watch.changed(until);
    const over = new AbortController();
    const timer = this.#parts.service.runtime.clock.after(ms, () => over.abort());
    await watch.changed(AbortSignal.any([until, over.signal]));
    timer.cancel();
  }
}
