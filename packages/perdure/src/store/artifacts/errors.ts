/** What can go wrong with a file or a bucket, as errors that say what to do. */
import { PerdureError, quote } from "../../task/errors.ts";

export function fileError(error: unknown, location: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof PerdureError || typeof code !== "string") return error;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new PerdureError("STORE_FULL", {
      message: `${location}: the disk or the quota is full (${code}), and the artifact was not kept. Free some space.`,
      cause: error,
    });
  }
  return new PerdureError("ARTIFACT_STORE", {
    message: `${location}: artifacts cannot be written or read there (${code}). See that this user may, and that it is a folder.`,
    cause: error,
  });
}

/** A bucket's: the SDK has tried again by itself. */
export function bucketError(error: unknown, location: string): unknown {
  if (error instanceof PerdureError || !(error instanceof Error)) return error;
  return new PerdureError("ARTIFACT_STORE", {
    message: `${location}: artifacts cannot be written or read there (${error.name}). See that the bucket is there and these credentials may.`,
    cause: error,
  });
}

/** The record knows it, its place does not: somebody else has removed it, or it was left behind by a move. */
export function goneError(name: string, location: string): PerdureError {
  return new PerdureError("ARTIFACT_STORE", {
    message: `the artifact ${quote(name)} is recorded, and not to be found in ${location}. Was the place moved?`,
  });
}
