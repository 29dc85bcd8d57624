/** The headers of a caller that reach the program: those that the runtime lists. What may be listed is AWS's rule. */
import { z } from "zod";
import { validationError } from "../service-error.ts";
import type { Request } from "../http/two-protocols.ts";

const customPrefix = "x-amzn-bedrock-agentcore-runtime-custom-";
const maxValueBytes = 4096;

/** "Restricted headers" of the developer guide, as far as they are known to us. */
const restricted = new Set(
  `proxy-authorization www-authenticate accept accept-charset accept-encoding accept-language content-type content-length
   content-encoding content-language content-location content-range connection keep-alive te trailer transfer-encoding
   upgrade host cookie set-cookie expect via forwarded`.split(/\s+/),
);

function isAllowed(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower.startsWith("x-amz-")) return false;
  return (!lower.startsWith("x-amzn-") || lower.startsWith(customPrefix)) && !restricted.has(lower);
}

export const HeaderAllowList = z
  .array(
    z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,256}$/)
      .refine(isAllowed, { message: "a header that cannot be passed on" }),
  )
  .max(20)
  .transform((names) => names.map((name) => name.toLowerCase()))
  .refine((names) => new Set(names).size === names.length, { message: "a header is listed twice" });

/** @throws ServiceError `ValidationException` for a value above 4 KB */
export function allowedHeaders(request: Request, names: readonly string[]): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of names) {
    const value = headerOf(request, name);
    if (value === undefined) continue;
    if (Buffer.byteLength(value) > maxValueBytes)
      throw validationError(`The header ${name} is longer than ${maxValueBytes} bytes.`);
    passed[name] = value;
  }
  return passed;
}

export function headerOf(request: Request, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(", ") : value;
}
