/** An exchange that can be taken up again after its connection broke; see `event-id.ts`. */
import type { JsonObject } from "../../task/json.ts";
import type { TaskId } from "../../task/id.ts";
import type { Timestamp } from "../../task/record.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller } from "../service.ts";
import { endEventId, type Resumption, toEventId } from "./event-id.ts";
import { knowsResumption, type V1Exchange, type V1Session } from "./client.ts";
import { progressTokenOf } from "./request.ts";

export class ResumableExchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly gone: AbortSignal;
  readonly #inner: V1Exchange;
  readonly #session: V1Session;
  #resumable: boolean;

  /** @param resumed whether it goes on with an earlier stream. */
  constructor(inner: V1Exchange, session: V1Session, resumed: boolean) {
    this.request = inner.request;
    this.caller = { ...inner.caller, clientName: session.clientName ?? inner.caller.clientName };
    this.gone = inner.gone;
    this.#inner = inner;
    this.#session = session;
    this.#resumable = resumed;
  }

  /** From here on the wait can go on at any process. */
  waitsFor(kind: Resumption["kind"], taskId: TaskId, since: Timestamp): void {
    if (!knowsResumption(this.#session)) return;
    const { id: requestId } = this.request;
    const eventId = toEventId({
      kind,
      taskId,
      since,
      requestId,
      progressToken: progressTokenOf(this.request),
    });
    if (eventId === undefined) return;
    this.#resumable = true;
    this.#inner.prime(eventId);
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
