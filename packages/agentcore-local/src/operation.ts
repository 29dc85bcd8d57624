/**
 * An operation of the service: its name and place in HTTP, the shape of its input, and what it does. The input is one
 * object, whatever came in the path, in the query and in the body (REST-JSON).
 */
import type { z } from "zod";
import { parse } from "./constraints.ts";
import type { Request } from "./http/two-protocols.ts";

export interface Answer {
  /** Left out: the operation's. */
  readonly status?: number;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Sent instead, as it comes; an error in it cuts the connection. */
  readonly stream?: AsyncIterable<Uint8Array>;
  /** `content-type` among them, where it is not `application/json`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Operation {
  readonly name: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** With labels, like `/memories/{memoryId}/events`. */
  readonly path: string;
  /** Of an answer that is no error. */
  readonly status: number;
  /** `"raw"`: the body is no member of the input, and of any media type; the operation reads it. */
  readonly body?: "raw";
  /**
   * @param signal aborts when the caller has gone
   * @param request for what is in its headers, and for a raw body
   * @throws ServiceError
   */
  run(input: unknown, signal: AbortSignal, request: Request): Answer | Promise<Answer>;
}

interface OperationDefinition<Schema extends z.ZodType> extends Omit<Operation, "run" | "status"> {
  readonly status?: number;
  readonly input: Schema;
  readonly run: (input: z.output<Schema>, signal: AbortSignal, request: Request) => Answer | Promise<Answer>;
}

export function operation<Schema extends z.ZodType>(definition: OperationDefinition<Schema>): Operation {
  const { status = 200, input: schema, run, ...rest } = definition;
  return { ...rest, status, run: (input, signal, request) => run(parse(schema, input), signal, request) };
}
