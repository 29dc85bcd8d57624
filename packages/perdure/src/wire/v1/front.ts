/**
 * The generations 2025-11-25 and 2025-06-18, whatever carries them: which messages are ours, and their answers.
 *
 * Ours are `tools/call` of durable tools and `tasks/*`. Everything else, and every request that is not perfect in its
 * form, goes to a server of the SDK, which serves or refuses it in its own words.
 */
import { internalError } from "../call/internal-error.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Service } from "../service.ts";
import { calledTask, resumeCall, serveCall } from "./call-tool.ts";
import { knowsTasks, type Serving, type V1Exchange, type V1Session, type V1Stream } from "./client.ts";
import { asClientResponse, type ClientResponse } from "./client-request.ts";
import type { Resumption } from "./event-id.ts";
import { OpenCalls } from "./open-calls.ts";
import { Questions } from "./questions.ts";
import { asRequest, type Cancellation } from "./request.ts";
import { ResumableExchange } from "./resumable.ts";
import { serveTaskMethod, taskMethods } from "./task-methods.ts";

export type { V1Exchange, V1Session, V1Stream } from "./client.ts";

export interface V1Front {
  /** The request, where the message is one that we answer. */
  claim(message: unknown, session: V1Session): JsonRpcRequest | undefined;
  /** Answers a claimed request. Resolves when it is answered or nobody waits any more; never rejects. */
  serve(exchange: V1Exchange, session: V1Session): Promise<void>;
  /** Goes on with the request of a stream that broke: the exchange has its id. Never rejects. */
  resume(exchange: V1Exchange, session: V1Session, resumption: Resumption): Promise<void>;
  /**
   * The client no longer waits for a request of this session, whichever process serves it. Only for sessions with an
   * id; on stdio the exchange itself is gone.
   */
  cancelled(owner: string, session: V1Session, cancellation: Cancellation): Promise<void>;
  /** The answer to a question of ours, where the message is one. */
  claimAnswer(message: unknown): ClientResponse | undefined;
  /** Takes a claimed answer. Never rejects. */
  answered(owner: string, session: V1Session, response: ClientResponse): Promise<void>;
  /** The session's own stream is open: what its client is to be asked is asked on it, until it is gone. */
  push(owner: string, session: V1Session, stream: V1Stream, lastEventId?: string): void;
}

export function createV1Front(service: Service): V1Front {
  const parts: Parts = {
    service,
    calls: new OpenCalls(service.runtime),
    questions: new Questions(service),
  };
  const { calls, questions } = parts;
  return {
    claim: (message, session) => {
      const request = asRequest(message);
      if (request === undefined) return undefined;
      const ours =
        request.method === "tools/call"
          ? calledTask(service, request.params) !== undefined
          : taskMethods.has(request.method) && knowsTasks(session);
      return ours ? request : undefined;
    },
    serve: (exchange, session) =>
      serve(parts, { exchange, session }, (serving) => {
        const { method, params } = exchange.request;
        const task = method === "tools/call" ? calledTask(service, params) : undefined;
        return task === undefined ? serveTaskMethod(serving) : serveCall(serving, task);
      }),
    resume: (exchange, session, resumption) =>
      serve(parts, { exchange, session, resumption }, (serving) =>
        resumption.kind === "call"
          ? resumeCall(serving, resumption)
          : serveTaskMethod(serving, resumption.since),
      ),
    cancelled: (owner, session, cancellation) => calls.cancel(owner, session.id, cancellation),
    claimAnswer: asClientResponse,
    answered: (owner, session, response) => questions.answered(owner, session, response),
    push: (owner, session, stream, lastEventId) => questions.push(owner, session, stream, lastEventId),
  };
}

interface Parts {
  readonly service: Service;
  readonly calls: OpenCalls;
  readonly questions: Questions;
}

interface Request {
  readonly exchange: V1Exchange;
  readonly session: V1Session;
  readonly resumption?: Resumption;
}

async function serve(
  { service, calls, questions }: Parts,
  { exchange: inner, session, resumption }: Request,
  answer: (serving: Serving) => Promise<void>,
): Promise<void> {
  const exchange = new ResumableExchange(inner, session, resumption);
  const call = calls.open(exchange, session.id);
  try {
    await answer({ service, exchange, session, call, questions });
    if (call.signal.aborted && !exchange.gone.aborted) exchange.close();
  } catch (error) {
    if (exchange.gone.aborted) return;
    const { id: requestId, method } = exchange.request;
    service.runtime.logger.error({ err: error, method, requestId }, "a request could not be answered");
    exchange.error(internalError(error));
  } finally {
    call.close();
  }
}
