/** What an author says of delivery, with the defaults filled in. */
import type { DeliverySettings } from "../delivery/delivery.ts";
import type { AgentMemory } from "../delivery/memory.ts";
import type { DeliveryDefaults } from "../engine/runtime.ts";
import type { DeliverMode } from "../engine/tool.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";

export interface DeliveringOptions {
  /**
   * Where what becomes of a task is brought to, for the session that its caller named: its end, its questions, and what
   * it says by `task.remember`. Default: nowhere.
   */
  readonly memory?: AgentMemory;
  /**
   * `"unclaimed"` (default): the end that the caller was not given within the grace, and questions that are open for
   * so long. `"always"`: also what it was given, at once. `"never"`: only of tools that say otherwise.
   */
  readonly deliver?: DeliverMode;
  readonly delivery?: DeliveryOptions;
}

export interface DeliveryOptions {
  /** How long an end or a question waits for its caller to fetch or answer it. Default 30 s. */
  readonly grace?: Duration;
  /** Messages a second, to one session. Default 0.25: what AgentCore Memory takes of conversations. */
  readonly rate?: number;
  /** What was not accepted for so long is given up. Default 7 d. */
  readonly giveUp?: Duration;
  /** How long the memory has for one message. Default 30 s. */
  readonly timeout?: Duration;
  /** How many sessions are written to at once. Default 8. */
  readonly concurrency?: number;
  /** How much text one message holds, in characters: of a longer result its beginning. Default 32,000. */
  readonly maxLength?: number;
}

export interface Delivering {
  readonly memory: AgentMemory;
  readonly defaults: DeliveryDefaults;
  readonly settings: DeliverySettings;
}

/** `undefined`: there is no memory. @throws PerdureError `INVALID_OPTION` */
export function toDelivering({ memory, deliver, delivery = {} }: DeliveringOptions): Delivering | undefined {
  const { grace, rate = 0.25, giveUp, timeout, concurrency = 8, maxLength = 32_000 } = delivery;
  const mode = toDeliverMode(deliver, "deliver") ?? "unclaimed";
  const delivering = {
    defaults: {
      deliver: mode,
      graceMs: toMs(grace ?? "30s", "delivery: grace"),
      keepMs: toMs(giveUp ?? "7d", "delivery: giveUp"),
    },
    settings: {
      paceMs: Math.ceil(1_000 / atLeast(rate, 0.001, "delivery: rate")),
      timeoutMs: Math.max(1, toMs(timeout ?? "30s", "delivery: timeout")),
      concurrency: atLeast(concurrency, 1, "delivery: concurrency"),
      maxLength: atLeast(maxLength, 1_000, "delivery: maxLength"),
    },
  };
  return memory === undefined ? undefined : { memory, ...delivering };
}

const modes: readonly (DeliverMode | undefined)[] = ["unclaimed", "always", "never", undefined];

/** @throws PerdureError `INVALID_OPTION` */
export function toDeliverMode(mode: DeliverMode | undefined, setting: string): DeliverMode | undefined {
  if (modes.includes(mode)) return mode;
  throw new PerdureError("INVALID_OPTION", {
    message: `${setting} must be "unclaimed", "always" or "never"; ${quote(mode)} came.`,
  });
}

function atLeast(value: number, least: number, setting: string): number {
  if (value >= least) return value;
  throw new PerdureError("INVALID_OPTION", {
    message: `${setting} must be a number ≥ ${least}; ${quote(value)} came.`,
  });
}
