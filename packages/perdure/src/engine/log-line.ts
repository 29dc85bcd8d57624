/** A log line is not worth an error: what is too long of one is cut, and says so. */
import { bounded } from "../task/failure.ts";
import { spoken } from "../task/limits.ts";
import type { LogLine } from "../task/record.ts";

export function boundedLine(line: LogLine, maxBytes: number): LogLine {
  // A UTF-16 unit is at most three bytes.
  const message = line.message.length * 3 <= maxBytes ? line.message : cut(line.message, maxBytes);
  if (line.data === undefined) return message === line.message ? line : { ...line, message };
  const bytes = Buffer.byteLength(JSON.stringify(line.data)) + Buffer.byteLength(message);
  if (bytes <= maxBytes) return { ...line, message };
  return {
    ...line,
    message,
    data: `left out: ${spoken(bytes)} bytes; limits.logLineBytes allows ${spoken(maxBytes)}.`,
  };
}

function cut(message: string, maxBytes: number): string {
  return Buffer.byteLength(message) <= maxBytes
    ? message
    : bounded(message, Math.max(1, Math.floor(maxBytes / 3)));
}
