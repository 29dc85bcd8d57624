/** A part of an artifact, as it was asked for. */
import type { ByteRange } from "../store/artifacts/artifact-store.ts";
import type { Artifact } from "../task/artifact.ts";
import { PerdureError } from "../task/errors.ts";

/**
 * The range within the artifact, cut at its end; `undefined`: all of it.
 * @throws PerdureError `INVALID_OPTION` for one that does not begin within it
 */
export function toRange(
  { size }: Artifact,
  { start = 0, end }: { readonly start?: number | undefined; readonly end?: number | undefined },
): ByteRange | undefined {
  if (start === 0 && end === undefined) return undefined;
  const last = Math.min(end ?? size - 1, size - 1);
  if (Number.isSafeInteger(start) && Number.isSafeInteger(last) && start >= 0 && start <= last) {
    return { start, end: last };
  }
  throw new PerdureError("INVALID_OPTION", {
    message: `a range must begin within the ${size} bytes and end behind its beginning; ${start} to ${String(end)} came.`,
  });
}
