/** An exchange that can be taken up again after its connection broke; see `event-id.ts`. */
import type { JsonObject } from "../../task/json.ts";
import type { TaskId } from "../../task/id.ts";
import type { Timestamp } from "../../task/record.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller } from "../service.ts";
import { endEventId, type Resumption, toEventId } from "./event-id.ts";
import { type ClientRequest, knowsResumption, type V1Exchange, type V1Session } from "./client.ts";
import { progressTokenOf } from "./request.ts";

export class ResumableExchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly gone: AbortSignal;
  /** The keys of the questions that the client has heard on the earlier stream; absent where there was none. */
  readonly heard: ReadonlySet<string> | undefined;
  readonly #inner: V1Exchange;
  readonly #session: V1Session;
  #resumable: boolean;
  #waiting: Pick<Resumption, "kind" | "taskId" | "since"> | undefined;
  #asked: readonly string[];

  /** @param resumed the earlier stream that it goes on with. */
  constructor(inner: V1Exchange, session: V1Session, resumed: Resumption | undefined) {
    this.request = inner.request;
    this.caller = { ...inner.caller, clientName: session.clientName ?? inner.caller.clientName };
    this.gone = inner.gone;
    this.#inner = inner;
    this.#session = session;
    this.#resumable = resumed !== undefined;
    this.#asked = resumed?.heard ?? [];
    this.heard = resumed === undefined ? undefined : new Set(resumed.heard);
  }

  /** From here on the wait can go on at any process. */
  waitsFor(kind: Resumption["kind"], taskId: TaskId, since: Timestamp): void {
    if (!knowsResumption(this.#session)) return;
    this.#waiting = { kind, taskId, since };
    const eventId = this.#eventId();
    if (eventId === undefined) return;
    this.#resumable = true;
    this.#inner.prime(eventId);
  }

  /** Asks the client under this key. */
  ask(request: ClientRequest, key: string): void {
    this.#asked = [...this.#asked, key];
    this.#inner.ask(request, this.#eventId());
  }

  #eventId(): string | undefined {
    if (this.#waiting === undefined) return undefined;
    return toEventId({
      ...this.#waiting,
      requestId: this.request.id,
      progressToken: progressTokenOf(this.request),
      heard: this.#asked,
    });
  }

  notify(method: string, params: JsonObject): void {
    this.#inner.notify(method, params);
  }

  keepAlive(): void {
    this.#inner.keepAlive();
  }

  result(result: JsonObject): void {
    this.#inner.result(result);
  }

  error(error: JsonRpcError): void {
    if (this.#resumable) this.#inner.prime(endEventId);
    this.#inner.error(error);
  }

  close(): void {
    if (this.#resumable) this.#inner.prime(endEventId);
    this.#inner.close();
  }
}
