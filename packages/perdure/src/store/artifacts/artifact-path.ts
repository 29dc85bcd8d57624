/**
 * What an artifact is called where it is stored. The name that a handler gave may be anything (`../x`, `CON`, a
 * kilobyte of combining marks, one that differs from another only in case): it is hashed, and stands in the record. A
 * task id is letters and digits, unless the application makes its own: then it is hashed too.
 */
import { createHash } from "node:crypto";
import type { TaskId } from "../../task/id.ts";
import type { ArtifactKey } from "./artifact-store.ts";

/** The folder of a task. */
export function taskFolder(taskId: TaskId): string {
  // Shorter ones may be names that a system keeps for itself.
  return /^[0-9A-Za-z]{20,64}$/.test(taskId) ? taskId : `id-${sha256(taskId)}`;
}

/** A file in it. */
export function artifactFile({ name, attempt }: Pick<ArtifactKey, "name" | "attempt">): string {
  return `${sha256(name)}.${attempt}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
