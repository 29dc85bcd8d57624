/**
 * Questions on a session's own stream (GET; on stdio the connection), of the tasks that its client cares for: those it
 * started, waited for or asked about here. Clients built on ext-tasks never wait for the result of a task that needs
 * input; others may be between two waits. Whoever waits asks at once, so what comes here was open for a moment.
 *
 * Of another client's tasks nothing is pushed: its person looks elsewhere.
 */
import type { TaskId } from "../../task/id.ts";
import type { Asking, AskingParts, Channel } from "./asking.ts";
import { type ClientRequest, knowsResumption, type V1Session, type V1Stream } from "./client.ts";
import { parsePushEventId, toPushEventId } from "./push-event-id.ts";

/** So long somebody who waits has to ask first. */
const graceMs = 500;
/** Tasks that are remembered for sessions; beyond them the earliest are forgotten, and are asked about again. */
const maxFollowed = 10_000;

export type PushParts = Omit<AskingParts, "service" | "requests">;

type Followed = { readonly askedAs: string; readonly taskId: TaskId };

export class PushedQuestions {
  readonly #ask: (parts: PushParts) => Asking;
  readonly #followed = new Map<string, Followed>();
  readonly #streams = new Map<string, PushStream>();

  constructor(ask: (parts: PushParts) => Asking) {
    this.#ask = ask;
  }

  follow({ askedAs }: V1Session, taskId: TaskId): void {
    if (askedAs === undefined) return;
    const name = nameOf({ askedAs, taskId });
    if (this.#followed.has(name)) return;
    for (const earliest of this.#followed.keys()) {
      if (this.#followed.size < maxFollowed) break;
      this.#followed.delete(earliest);
    }
    this.#followed.set(name, { askedAs, taskId });
    this.#streams.get(askedAs)?.begin(taskId);
  }

  /** From then on an earlier stream of the session is not used any more: it may have broken unnoticed. */
  open(owner: string, session: V1Session, stream: V1Stream, lastEventId: string | undefined): void {
    const { askedAs } = session;
    if (askedAs === undefined || stream.gone.aborted) return;
    const resumable = knowsResumption(session);
    const opened = new PushStream(stream, { resumable, lastEventId }, (taskId, channel) => {
      const asking = this.#ask({ owner, session, askedAs, channel, taskId, graceMs });
      // Not by the end of the stream: the next one goes on.
      void asking.ended.then(() => {
        if (!channel.gone.aborted) this.#followed.delete(nameOf({ askedAs, taskId }));
      });
    });
    this.#streams.get(askedAs)?.end();
    this.#streams.set(askedAs, opened);
    stream.gone.addEventListener(
      "abort",
      () => {
        if (this.#streams.get(askedAs) === opened) this.#streams.delete(askedAs);
      },
      { once: true },
    );
    const tasks = new Set(opened.earlierTasks);
    for (const followed of this.#followed.values()) {
      if (followed.askedAs === askedAs) tasks.add(followed.taskId);
    }
    for (const taskId of tasks) {
      this.#followed.set(nameOf({ askedAs, taskId }), { askedAs, taskId });
      opened.begin(taskId);
    }
  }
}

/** The event ids say what was asked on it, so that what the client has not heard is asked again. */
class PushStream {
  readonly #stream: V1Stream;
  readonly #ended = new AbortController();
  readonly #begin: (taskId: TaskId, channel: Channel) => void;
  readonly #resumable: boolean;
  readonly #resumed: boolean;
  #asked: readonly { readonly taskId: TaskId; readonly key: string }[];

  constructor(
    stream: V1Stream,
    { resumable, lastEventId }: { readonly resumable: boolean; readonly lastEventId: string | undefined },
    begin: (taskId: TaskId, channel: Channel) => void,
  ) {
    this.#stream = stream;
    this.#begin = begin;
    const earlier = lastEventId === undefined ? undefined : parsePushEventId(lastEventId);
    this.#resumable = resumable;
    this.#resumed = earlier !== undefined;
    this.#asked = earlier ?? [];
    if (resumable) stream.prime(toPushEventId(this.#asked));
  }

  get earlierTasks(): TaskId[] {
    return this.#asked.map(({ taskId }) => taskId);
  }

  end(): void {
    this.#ended.abort();
  }

  begin(taskId: TaskId): void {
    const heard = this.#asked.flatMap((asked) => (asked.taskId === taskId ? [asked.key] : []));
    this.#begin(taskId, {
      gone: AbortSignal.any([this.#stream.gone, this.#ended.signal]),
      via: "stream",
      heard: this.#resumed ? new Set(heard) : undefined,
      ask: (request: ClientRequest, key) => {
        this.#asked = [...this.#asked, { taskId, key }];
        this.#stream.ask(request, this.#resumable ? toPushEventId(this.#asked) : undefined);
      },
      notify: (method, params) => this.#stream.notify(method, params),
    });
  }
}

function nameOf({ askedAs, taskId }: Followed): string {
  return `${taskId} ${askedAs}`;
}
