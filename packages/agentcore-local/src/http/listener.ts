/**
 * The operations on HTTP, on loopback. Whatever comes, the answer is one that an AWS SDK understands: JSON, the name of
 * an error in `x-amzn-errortype`, an id of the request. Nothing of an unexpected error leaves the process but its log.
 */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import type { Clock } from "../clock.ts";
import type { Failure, Fault, Faults } from "../faults.ts";
import type { Answer, Operation } from "../operation.ts";
import { ServiceError, validationError } from "../service-error.ts";
import { readBody } from "./body.ts";
import { Router } from "./router.ts";
import { type Request, type Response, TwoProtocols } from "./two-protocols.ts";
import { refuseWebPages } from "./web-pages.ts";

/** One request, without its content: what was said in it is nobody's business here. */
export interface LogEntry {
  readonly requestId: string;
  readonly operation: string | undefined;
  readonly status: number | "disconnected";
  readonly error?: string;
  /** Of an error that is this server's own fault. */
  readonly cause?: unknown;
  readonly ms: number;
}

export interface ListenerOptions {
  readonly operations: readonly Operation[];
  readonly faults: Faults;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  readonly log: (entry: LogEntry) => void;
}

interface Reply extends Answer {
  readonly status: number;
  readonly failure?: ServiceError;
}

export class Listener {
  readonly #server: TwoProtocols;
  readonly #router: Router;
  readonly #options: ListenerOptions;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#router = new Router(options.operations);
    this.#server = new TwoProtocols((request, response) => {
      // What is left to fail is the log that was given, and a stream that broke off.
      this.#serve(request, response).catch(() => cut(response));
    });
  }

  /** Resolves with the address, like `http://127.0.0.1:8081`. */
  listen(port: number): Promise<string> {
    return this.#server.listen(port);
  }

  /** Requests that are being answered are cut off. */
  close(): Promise<void> {
    return this.#server.close();
  }

  async #serve(request: Request, response: Response): Promise<void> {
    const started = performance.now();
    const requestId = randomUUID();
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    let operation: string | undefined;
    let reply: Reply | "Disconnect";
    try {
      refuseWebPages(request);
      const found = this.#find(request);
      operation = found.operation.name;
      const isRaw = found.operation.body === "raw";
      const body = isRaw ? {} : await readBody(request, this.#options.maxBodyBytes);
      const input = { ...body, ...found.parameters };
      reply = await this.#carryOut(found.operation, () => found.operation.run(input, gone.signal, request));
    } catch (error) {
      reply = toReply(error);
    }
    const told = reply === "Disconnect" ? "disconnected" : reply.status;
    const failure = reply === "Disconnect" ? undefined : reply.failure;
    this.#options.log({
      requestId,
      operation,
      status: told,
      ms: performance.now() - started,
      ...(failure !== undefined && { error: failure.name }),
      ...(failure?.cause !== undefined && { cause: failure.cause }),
    });
    if (reply === "Disconnect") cut(response);
    else await send(request, response, reply, requestId);
  }

  #find(request: Request): { operation: Operation; parameters: Record<string, string> } {
    const [path = "", query] = (request.url ?? "").split("?", 2);
    try {
      const match = this.#router.find(request.method, path);
      if (match !== undefined) {
        const parameters = { ...Object.fromEntries(new URLSearchParams(query)), ...match.labels };
        return { operation: match.operation, parameters };
      }
    } catch {
      throw validationError("The path is not percent-encoded UTF-8.", "CannotParse");
    }
    throw new ServiceError(
      "UnknownOperationException",
      `agentcore-local has no operation at ${request.method ?? ""} ${path.slice(0, 200)}.`,
    );
  }

  async #carryOut(operation: Operation, run: () => Answer | Promise<Answer>): Promise<Reply | "Disconnect"> {
    const fault = this.#options.faults.take(operation.name);
    if (fault !== undefined && "error" in fault) return failed(operation, fault.error);
    if (fault !== undefined && "delayMs" in fault) await this.#wait(fault);
    const answer = await run();
    if (fault !== undefined && "acceptThenFail" in fault) {
      await readToItsEnd(answer.stream);
      return failed(operation, fault.acceptThenFail === true ? "ServiceException" : fault.acceptThenFail);
    }
    return { status: operation.status, ...answer };
  }

  #wait({ delayMs }: Fault & { readonly delayMs: number }): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(delayMs, resolve);
    });
  }
}

function failed(operation: Operation, failure: Failure): Reply | "Disconnect" {
  if (failure === "Disconnect") return failure;
  const message = `A planted fault of ${operation.name}.`;
  if (failure === "ValidationException") return toReply(validationError(message));
  return toReply(new ServiceError(failure, message));
}

function toReply(error: unknown): Reply {
  const failure = error instanceof ServiceError ? error : unexpected(error);
  const { status, message, members, headers } = failure;
  const body = { message, ...members };
  return { status, failure, body, headers: { ...headers, "x-amzn-errortype": failure.name } };
}

function unexpected(cause: unknown): ServiceError {
  const error = new ServiceError("ServiceException", "agentcore-local failed; its log (--log) says why.");
  error.cause = cause;
  return error;
}

async function send(request: Request, response: Response, reply: Reply, requestId: string): Promise<void> {
  const { status, stream, body = {} } = reply;
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = {
    "content-type": "application/json",
    ...reply.headers,
    "x-amzn-requestid": requestId,
    ...(stream === undefined && { "content-length": bytes.length }),
    // What is left of a body that was too large is not read. HTTP/2 has no such header.
    ...(!request.complete && request.httpVersionMajor === 1 && { connection: "close" }),
  };
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (stream === undefined) return void response.end(bytes);
  // The caller knows that an answer has begun before its first event.
  if ("flushHeaders" in response) response.flushHeaders();
  await pipeline(Readable.from(stream, { objectMode: false }), response);
}

async function readToItsEnd(stream: AsyncIterable<Uint8Array> | undefined): Promise<void> {
  if (stream !== undefined) await finished(Readable.from(stream).resume());
}

/** No answer, or no more of it. */
function cut(response: Response): void {
  if ("stream" in response) response.stream.session?.destroy();
  else response.destroy();
}
