/**
 * Lists come in pages. A token names where the next page begins, and of which list: one that is given back with another
 * question is refused, as it would silently answer something else.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { validationError } from "../service-error.ts";

export const Page = {
  maxResults: z.int().min(1).max(100).default(20),
  nextToken: z.string().optional(),
};

type Cursor = readonly (string | number)[];

/** @param list what is listed, without the size of a page: JSON */
export function toToken(list: unknown, cursor: Cursor): string {
  return Buffer.from(JSON.stringify([digest(list), ...cursor])).toString("base64url");
}

/** @throws ServiceError `ValidationException` */
export function fromToken<Schema extends z.ZodType<Cursor>>(
  token: string | undefined,
  list: unknown,
  schema: Schema,
): z.output<Schema> | undefined {
  if (token === undefined) return undefined;
  const [question, ...rest] = decode(token);
  const cursor = schema.safeParse(rest);
  if (question === digest(list) && cursor.success) return cursor.data;
  throw validationError("nextToken is not one that this list gave out.");
}

function decode(token: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(value) ? (value as unknown[]) : [];
  } catch {
    return [];
  }
}

function digest(list: unknown): string {
  return createHash("sha256").update(JSON.stringify(list)).digest("base64url").slice(0, 16);
}
