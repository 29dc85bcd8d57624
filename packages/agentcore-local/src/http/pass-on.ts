/** A request that is passed on to another HTTP server, with no limit of time but the one that the signal sets. */
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Readable, Transform } from "node:stream";
import { ServiceError } from "../service-error.ts";

export interface PassedOn {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable | Buffer;
  readonly maxBodyBytes: number;
  /** Its reason is the error, before the answer has begun and in the middle of it. */
  readonly signal: AbortSignal;
  /** The exchange is over, however it went. */
  readonly onClose?: () => void;
}

/** Resolves when the answer begins. @throws the reason of the signal; ServiceError (413); Error of the connection */
export async function passOn(passed: PassedOn): Promise<IncomingMessage> {
  const { url, headers, body, maxBodyBytes, signal, onClose } = passed;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const outgoing = send(url, { method: "POST", headers, agent: false });
  const abort = (): void => void outgoing.destroy(toError(signal.reason));
  signal.addEventListener("abort", abort);
  outgoing.once("response", resolve);
  outgoing.on("error", reject);
  outgoing.once("close", () => {
    signal.removeEventListener("abort", abort);
    onClose?.();
  });
  if (signal.aborted) abort();
  else if (Buffer.isBuffer(body)) outgoing.end(body);
  // `pipe`, for its source stays alive: the caller is still to be answered over the same connection.
  else {
    const bounded = atMost(maxBodyBytes);
    bounded.on("error", (error) => outgoing.destroy(error));
    body.on("error", (error) => outgoing.destroy(error));
    body.pipe(bounded).pipe(outgoing);
  }
  return promise;
}

/** Those of the headers that are there, and stand there once. */
export function pickHeaders(
  { headers }: { readonly headers: IncomingHttpHeaders },
  isPicked: (name: string) => boolean,
): Record<string, string> {
  const picked = Object.entries(headers).filter(([name]) => isPicked(name));
  return Object.fromEntries(
    picked.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

function atMost(maxBytes: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) done(tooLarge(maxBytes));
      else done(null, chunk);
    },
  });
}

export function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError("RequestEntityTooLargeException", `The body is larger than ${maxBytes} bytes.`);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("The request was given up.");
}
