/** Where a page of tasks ended, for the next. */
import { PerdureError, quote } from "../task/errors.ts";

/** Opaque, and whole or nothing: one that was cut is no cursor. */
export function encodeCursor(id: string): string {
  return Buffer.from(`before:${id.length}:${id}`).toString("base64url");
}

export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, "base64url").toString();
  const id = text.slice(text.lastIndexOf(":") + 1);
  if (encodeCursor(id) === cursor) return id;
  throw new PerdureError("INVALID_OPTION", {
    message: `cursor must be one that list() returned; ${quote(cursor)} came. Begin again without a cursor.`,
  });
}
