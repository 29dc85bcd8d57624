/**
 * What the record says of a call that other processes may have to find: which task it waits for; or that its client
 * cancelled it, written by whoever was told before he could find that.
 */
import type { Runtime } from "../../engine/runtime.ts";
import type { SessionKey } from "../../store/sessions.ts";
import type { TaskId } from "../../task/id.ts";
import type { Timestamp } from "../../task/record.ts";
import type { Timer } from "../../task/clock.ts";
import { CallEnd } from "../call/call-end.ts";

/** From then on a call has a row. */
export const rowAfterMs = 500;
/** Within which it is there, on a machine with much to do. */
export const rowWriteMs = 500;
/** How long the holder may not notice that another process was told of the cancellation. */
const lookAgainMs = 2_000;
/** A cancellation that finds no call within this time was of one that is over; its id may come again. */
export const cancellationMs = 5_000;

export type CallState =
  | { readonly waitsFor: TaskId; readonly since: Timestamp }
  | { readonly cancelled: CallEnd; readonly at: Timestamp }
  | { readonly ended: true };

/** @returns `undefined` where nothing is known, or nothing that still holds. */
export async function readCall({ store, clock }: Runtime, key: SessionKey): Promise<CallState | undefined> {
  const row = await store.sessions.get(key);
  if (row === undefined) return undefined;
  if (row.endedAt !== undefined) return { ended: true };
  const { taskId, since, until, effect, message } = row.capabilities as {
    readonly taskId?: TaskId;
    readonly since: Timestamp;
    readonly until: number;
    readonly effect: CallEnd["effect"];
    readonly message: string;
  };
  // The holder died, or the call was over: the row says nothing of what its client waits for today.
  if (until < clock.now()) return undefined;
  return taskId === undefined
    ? { cancelled: new CallEnd(effect, message), at: row.putAt }
    : { waitsFor: taskId, since };
}

export async function writeCancellation(
  { store, clock }: Runtime,
  key: SessionKey,
  end: CallEnd,
): Promise<void> {
  const { effect, message } = end;
  const capabilities = { effect, message, until: clock.now() + cancellationMs };
  await store.sessions.put({ ...key, protocolVersion: "", capabilities, clientInfo: {} });
}

/** Does to the task what the holder of its call would have done. */
export async function endCall(
  { store }: Runtime,
  key: SessionKey,
  taskId: TaskId,
  end: CallEnd,
): Promise<void> {
  if (end.effect === "cancel") {
    const { message: reason, byCaller } = end;
    await store.cancel({ taskId, owner: key.owner, reason, byCaller });
  } else await store.stopWaiting({ taskId, caller: "lost" });
  await store.sessions.end(key);
}

export interface HeldCall {
  readonly taskId: TaskId;
  readonly holdMs: number;
  /** Another process was told that the client does not wait any more. */
  readonly onEnded: (end: CallEnd) => void;
}

/** The row of a call that this process holds: written when the call lasts, or when its client is lost before. */
export class CallRow {
  readonly #runtime: Runtime;
  readonly #key: SessionKey;
  readonly #call: HeldCall;
  readonly #since: Timestamp;
  #timer: Timer;
  #written = false;

  constructor(runtime: Runtime, key: SessionKey, call: HeldCall) {
    this.#runtime = runtime;
    this.#key = key;
    this.#call = call;
    this.#since = runtime.clock.now();
    this.#timer = this.#after(rowAfterMs, async () => {
      const cancelled = this.#cancelledBy(await readCall(runtime, key));
      if (cancelled !== undefined) return call.onEnded(cancelled);
      await this.#write();
      this.#lookAgain();
    });
  }

  /** @param lost the client closed its connection, and may be telling another process that it means a cancellation */
  close(lost: boolean): void {
    this.#timer.cancel();
    if (lost) void this.#leave();
    else if (this.#written) this.#try(() => this.#runtime.store.sessions.end(this.#key));
  }

  async #leave(): Promise<void> {
    this.#try(() => this.#hearOrWrite());
    this.#after(rowAfterMs + rowWriteMs, async () => {
      await this.#hearOrWrite();
      this.#after(lookAgainMs, () => this.#runtime.store.sessions.end(this.#key));
    });
  }

  async #hearOrWrite(): Promise<void> {
    const cancelled = this.#cancelledBy(await readCall(this.#runtime, this.#key));
    if (cancelled !== undefined) await endCall(this.#runtime, this.#key, this.#call.taskId, cancelled);
    else if (!this.#written) await this.#write();
  }

  /** A cancellation before this call began was of an earlier one with its id. */
  #cancelledBy(found: CallState | undefined): CallEnd | undefined {
    return found !== undefined && "cancelled" in found && found.at >= this.#since
      ? found.cancelled
      : undefined;
  }

  async #write(): Promise<void> {
    this.#written = true;
    const since = this.#since;
    const capabilities = { taskId: this.#call.taskId, since, until: since + this.#call.holdMs };
    await this.#runtime.store.sessions.put({
      ...this.#key,
      protocolVersion: "",
      capabilities,
      clientInfo: {},
    });
  }

  #lookAgain(): void {
    this.#timer = this.#after(lookAgainMs, async () => {
      const found = await readCall(this.#runtime, this.#key);
      const cancelled = this.#cancelledBy(found);
      if (cancelled !== undefined) this.#call.onEnded(cancelled);
      else if (found !== undefined && "ended" in found) this.#call.onEnded(cancelledElsewhere());
      else this.#lookAgain();
    });
  }

  #after(ms: number, run: () => Promise<void>): Timer {
    return this.#runtime.clock.after(ms, () => this.#try(run));
  }

  /** Without its row a call is only not found from elsewhere. */
  #try(run: () => Promise<void>): void {
    const log = (error: unknown): void =>
      this.#runtime.logger.debug({ err: error }, "the row of a held call could not be kept");
    // Once the application is closed the store itself is refused.
    Promise.resolve().then(run).catch(log);
  }
}

function cancelledElsewhere(): CallEnd {
  return new CallEnd("detach", "the client cancelled the call at another process");
}
