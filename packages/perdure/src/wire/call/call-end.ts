/**
 * What it means for the task that its call stopped. The client may want the task to end, or may only be gone.
 *
 * `notifications/cancelled` is a cancellation, unless its reason is the client's own request time-out: SDK 1.x sends
 * it then by itself (at 60 s by default, "Request timed out"), and a model that is told "timed out" will call again,
 * not having wanted anything to end. A closed stream is a cancellation on 2026-07-28 (transports, "Cancellation"),
 * unless the tool says otherwise, and is none on 2025-11-25.
 */
import type { ServedTask } from "../service.ts";

export type Generation = "2025" | "2026";

/** The `reason` of a held call's signal. */
export class CallEnd extends Error {
  override readonly name = "CallEnd";
  /** `cancel`: the task ends too. `detach`: it goes on, and an equal call may join it. */
  readonly effect: "cancel" | "detach";
  /** The caller said so itself. A connection may also have been lost, and then its caller is to learn what came of it. */
  readonly byCaller: boolean;

  constructor(effect: "cancel" | "detach", message: string, byCaller = false) {
    super(message);
    this.effect = effect;
    this.byCaller = byCaller;
  }
}

/** "Request timed out", "timeout", "TimeoutError", "time-out", and Go's "context deadline exceeded". */
const timedOut = /\btimed?[-_ ]?out|deadline exceeded/i;

/** @param reason of `notifications/cancelled` */
export function cancelledByClient(reason: string | undefined): CallEnd {
  const detaches = reason !== undefined && timedOut.test(reason);
  return new CallEnd(detaches ? "detach" : "cancel", reason ?? "the client cancelled the call", true);
}

export function disconnected(generation: Generation, task: ServedTask): CallEnd {
  const cancels = generation === "2026" && task.onDisconnect === "cancel";
  return new CallEnd(cancels ? "cancel" : "detach", "the client closed the connection");
}
