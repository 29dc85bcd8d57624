/**
 * The store as one attempt sees it: each write carries the attempt's number, is kept up while the store has trouble, and
 * a refusal ends the attempt, for the reason that the record gives. So is what the handler reads: the trouble of a store
 * is no failure of the task.
 */
import type { AttemptKey, OpenCall, OpenWait, TaskStore } from "../store/store.ts";
import type { ArtifactStore } from "../store/artifacts/artifact-store.ts";
import type { Clock } from "../task/clock.ts";
import { PerdureError } from "../task/errors.ts";
import { boundedFailure } from "../task/failure.ts";
import type { JsonValue } from "../task/json.ts";
import type { TaskLimits } from "../task/limits.ts";
import type { Operation, SavedState } from "../task/record.ts";
import { boundedLine } from "./log-line.ts";
import { ArtifactDesk, type ArtifactStep } from "./artifact-desk.ts";
import { writeDurably } from "./durable-write.ts";
import type { Logger } from "./logger.ts";
import { reasonToEnd } from "./reason-to-end.ts";
import type { AttemptStore, ChildCall } from "./run.ts";

export interface FencedStoreParts {
  readonly key: AttemptKey;
  readonly store: TaskStore;
  /** Where artifacts are kept; `undefined`: nowhere. */
  readonly artifacts: ArtifactStore | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ended: AbortSignal;
  /** Is told of each wait before it is opened. */
  readonly onWait: (wait: Pick<OpenWait, "wait">) => void;
  readonly limits: TaskLimits;
  /** Ends the attempt. */
  readonly end: (reason: PerdureError) => void;
  readonly child: CreateChild;
  /** `TaskStore.openCall`, with which the child may begin at once. */
  readonly openCall: (call: OpenCall) => Promise<Operation>;
}

/** A task for `call` to create. @throws PerdureError `UNKNOWN_TOOL`, `INVALID_INPUT` */
export type CreateChild = (
  tool: string,
  input: JsonValue | undefined,
  idempotencyKey: string | undefined,
) => Promise<OpenCall["child"]>;

export class FencedStore implements AttemptStore {
  readonly #parts: FencedStoreParts;
  readonly #desk: ArtifactDesk;

  constructor(parts: FencedStoreParts) {
    this.#parts = parts;
    this.#desk = new ArtifactDesk(parts.key, parts.artifacts);
  }

  operations(): Promise<readonly Operation[]> {
    const { store, key } = this.#parts;
    return this.#keptUp(() => store.operations(key));
  }

  savedState(): Promise<SavedState | undefined> {
    const { store, key } = this.#parts;
    return this.#keptUp(() => store.savedState(key));
  }

  saveState(state: SavedState): Promise<void> {
    const { store, key } = this.#parts;
    return this.#keptUp(() => store.saveState({ ...key, state, maxBytes: this.#parts.limits.stateBytes }));
  }

  async recordOperation(operation: Parameters<AttemptStore["recordOperation"]>[0]): Promise<Operation> {
    const { store, key, limits } = this.#parts;
    const bounded =
      operation.state === "failed"
        ? { ...operation, failure: boundedFailure(operation.failure, limits.failureBytes) }
        : operation;
    return this.#keptUp(() => store.recordOperation({ ...key, ...bounded, maxBytes: limits.stepBytes }));
  }

  async openWait(wait: Parameters<AttemptStore["openWait"]>[0]): Promise<Operation> {
    const { store, key, onWait } = this.#parts;
    onWait(wait);
    return this.#keptUp(() => store.openWait({ ...key, ...wait }));
  }

  async openCall({ name, tool, input, idempotencyKey }: ChildCall): Promise<Operation> {
    const { key, openCall } = this.#parts;
    const child = await this.#parts.child(tool, input, idempotencyKey);
    return this.#keptUp(() => openCall({ ...key, name, child }));
  }

  async park(waits: readonly string[]): Promise<boolean> {
    const { store, key } = this.#parts;
    const parked = await this.#keptUp(() => store.park({ ...key, waits }));
    if (parked) {
      const message = "the task waits, and runs again when it is over.";
      this.#parts.end(new PerdureError("PARKED", { message }));
    }
    return parked;
  }

  /** Kept up where its place says that this helps, as a database that is away; a full disk is the handler's to know. */
  artifact(step: ArtifactStep): Promise<void> {
    const { clock, logger, ended } = this.#parts;
    return writeDurably(() => this.#desk.take(step), { clock, logger, signal: ended });
  }

  /** The attempt is over. Never rejects. */
  close(): Promise<void> {
    return this.#desk.close();
  }

  /** What is reported is not worth a second try here; the reporter keeps it. */
  report(report: Parameters<AttemptStore["report"]>[0]): Promise<void> {
    const { store, key, limits } = this.#parts;
    const logs = report.logs?.map((line) => boundedLine(line, limits.logLineBytes));
    const { logLines: maxLogLines } = limits;
    return this.#fenced(() => store.report({ ...key, ...report, logs, maxLogLines }));
  }

  /** What the handler waits for: kept up until accepted, refused, or the attempt has ended. */
  #keptUp<T>(ask: () => Promise<T>): Promise<T> {
    const { clock, logger, ended } = this.#parts;
    return this.#fenced(() => writeDurably(ask, { clock, logger, signal: ended }));
  }

  async #fenced<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof PerdureError) || error.code !== "STALE_ATTEMPT") throw error;
      throw await this.#endAsRecorded(error);
    }
  }

  /** Refused: another has decided about the task, and its record says what. */
  async #endAsRecorded(refusal: PerdureError): Promise<PerdureError> {
    const { store, key } = this.#parts;
    const task = await store.summary(key).catch(() => undefined);
    const reason = reasonToEnd(task, key) ?? refusal;
    this.#parts.end(reason);
    return reason;
  }
}
