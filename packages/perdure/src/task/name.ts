/**
 * Strings that name something and become keys of a store: owners, tools, operations, idempotency keys. A key of a
 * database index is bounded (2,704 bytes in Postgres), holds no NUL, and an unpaired surrogate would silently become
 * another character.
 */
import { PerdureError, quote } from "./errors.ts";

const maxNameBytes = 1_024;

/** @throws PerdureError `INVALID_VALUE` */
export function checkName(name: string, what: string): void {
  if (typeof name === "string" && name !== "" && !name.includes("\0") && name.isWellFormed()) {
    // No character is longer than 3 bytes in UTF-8 per UTF-16 unit: short names need no count.
    if (name.length * 3 <= maxNameBytes || Buffer.byteLength(name) <= maxNameBytes) return;
  }
  throw new PerdureError("INVALID_VALUE", {
    message:
      `${what} must be a non-empty string of at most ${maxNameBytes} bytes, without NUL or unpaired surrogates; ` +
      `${typeof name === "string" ? quote(name) : typeof name} came.`,
  });
}
