/**
 * The framing of AWS's event streams (`application/vnd.amazon.eventstream`), by AWS's own codec. An error that comes when
 * the stream has begun is a frame of its own, after which nothing follows.
 */
import { EventStreamCodec } from "@smithy/core/event-streams";
import { ServiceError } from "../service-error.ts";

export const eventStreamType = "application/vnd.amazon.eventstream";

/** A member of the model's union of events: its name, and its value. */
export type StreamEvent = readonly [name: string, value: Readonly<Record<string, unknown>>];

const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };
const codec = new EventStreamCodec(
  (bytes: Uint8Array | string) => (typeof bytes === "string" ? bytes : utf8.decode.decode(bytes)),
  (text) => utf8.encode.encode(text),
);

export async function* toFrames(events: AsyncIterable<StreamEvent>): AsyncGenerator<Uint8Array> {
  try {
    for await (const [name, value] of events) yield frame("event", name, value);
  } catch (error) {
    const { name, message } = toStreamError(error);
    yield frame("exception", name, { message });
  }
}

function frame(type: "event" | "exception", name: string, value: unknown): Uint8Array {
  return codec.encode({
    headers: {
      ":message-type": { type: "string", value: type },
      [`:${type}-type`]: { type: "string", value: name },
      ":content-type": { type: "string", value: "application/json" },
    },
    body: utf8.encode.encode(JSON.stringify(value)),
  });
}

/** The exceptions that the stream's union has. */
function toStreamError(error: unknown): { name: string; message: string } {
  if (!(error instanceof ServiceError))
    return { name: "internalServerException", message: "agentcore-local failed." };
  const { name, message } = error;
  switch (name) {
    case "ValidationException":
    case "ThrottlingException":
    case "ServiceUnavailableException":
    case "InternalServerException":
      return { name: name.charAt(0).toLowerCase() + name.slice(1), message };
    default:
      return { name: "modelStreamErrorException", message };
  }
}
