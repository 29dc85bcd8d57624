/** Reads the body of a request: bounded, and JSON or nothing. */
import { validationError } from "../service-error.ts";
import { tooLarge } from "./pass-on.ts";
import type { Request } from "./two-protocols.ts";

/** @throws ServiceError `RequestEntityTooLargeException`; `ValidationException` (CannotParse) */
export async function readBody(request: Request, maxBytes: number): Promise<Record<string, unknown>> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return size === 0 ? {} : parseObject(Buffer.concat(chunks));
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw validationError("The body is not JSON in UTF-8.", "CannotParse");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw validationError("The body is JSON, but not an object.", "CannotParse");
}
