/** The client of a request of this generation: what is known of it, and the ways to it. */
import type { JsonObject } from "../../task/json.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../service.ts";
import type { OpenCall } from "./open-calls.ts";
import type { Questions } from "./questions.ts";
import type { ResumableExchange } from "./resumable.ts";

/** What the client said of itself: manners, no authority. */
export interface V1Session {
  /** Absent on stdio, and where a client sends none. */
  readonly id: string | undefined;
  /** Absent where it was never said. */
  readonly protocolVersion: string | undefined;
  readonly clientName: string | undefined;
  /** Of `logging/setLevel`. */
  readonly logLevel: string | undefined;
  /** Of `initialize`; empty where it was never seen. */
  readonly capabilities: JsonObject;
  /** Names the client for as long as it remembers what it was asked; absent where nothing can tell it from others. */
  readonly askedAs: string | undefined;
  /** Where messages may be sent that answer nothing: a GET stream; the connection itself on stdio. */
  readonly stream: V1Stream | undefined;
}

/** The generation with tasks, and with streams that can be resumed. */
const tasksVersion = "2025-11-25";

/** Of a client whose version is not known, what it sends is all that tells. */
export function knowsTasks({ protocolVersion }: V1Session): boolean {
  return protocolVersion === undefined || protocolVersion >= tasksVersion;
}

/** Earlier clients cannot read the event that makes a stream resumable, because it has no data. */
export function knowsResumption({ protocolVersion }: V1Session): boolean {
  return protocolVersion !== undefined && protocolVersion >= tasksVersion;
}

/** A way to the client that is no answer. */
export interface V1Stream {
  /** Aborted when the connection closes. */
  readonly gone: AbortSignal;
  /** @param eventId of the message, where the stream can be resumed after it */
  ask(request: ClientRequest, eventId?: string): void;
  /** As of an exchange. */
  prime(eventId: string): void;
  notify(method: string, params: JsonObject): void;
  keepAlive(): void;
  /** Ends the stream: its session was ended. */
  close(): void;
}

/** A request to the client. Its answer comes as a message of its own, to whichever process. */
export interface ClientRequest {
  readonly id: string;
  readonly method: string;
  readonly params: JsonObject;
}

export interface V1Exchange extends Exchange {
  /** @param eventId of the message, where the stream can be resumed after it */
  ask(request: ClientRequest, eventId?: string): void;
  /**
   * Instead of an answer, after `notifications/cancelled`: ends the stream; 202 without a body where nothing was sent
   * yet; nothing on stdio.
   */
  close(): void;
}

/** What every method of the front is given. */
export interface Serving {
  readonly service: Service;
  readonly exchange: ResumableExchange;
  readonly session: V1Session;
  readonly call: OpenCall;
  readonly questions: Questions;
}
