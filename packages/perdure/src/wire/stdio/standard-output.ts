/**
 * Standard output, kept for the protocol: one line of anything else, a forgotten `console.log` say, and the client
 * loses the connection. While it is claimed, whatever else is written there goes to standard error.
 */
import { Writable } from "node:stream";

/** Takes the standard output of this process, until the stream is ended. */
export function claimStandardOutput({ stdout, stderr } = process): Writable {
  const writeLine = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  const line = new Writable({
    decodeStrings: false,
    write: (chunk: string | Uint8Array, _encoding, done) => void writeLine(chunk, done),
    destroy: (error, done) => {
      stdout.write = writeLine;
      done(error);
    },
  });
  // The same error comes to the callback, and with it to whoever uses the stream.
  stdout.on("error", () => undefined);
  return line;
}
