/**
 * Planted faults: what a network and a busy service do to a client, on purpose. A fault waits for its operation, strikes
 * a given number of times, and is gone. Several stand in a queue: one call meets one fault.
 */
import { type ErrorName, errorStatus } from "./service-error.ts";

/** `Disconnect` closes the connection without an answer. */
export type Failure = ErrorName | "Disconnect";

interface Aim {
  /** Like `CreateEvent`; any operation where left out. */
  readonly operation?: string;
  /** How many calls meet it. @default 1 */
  readonly times?: number;
}

export type Fault = Aim &
  (
    | { /** Nothing is done, and this is the answer. */ readonly error: Failure }
    | { /** The call is answered rightly, so much later. */ readonly delayMs: number }
    | {
        /** The call is carried out, durably, and answered with this all the same. */ readonly acceptThenFail:
          Failure | true;
      }
  );

export interface PlantedFault {
  /** How many calls have met it so far. */
  readonly struck: number;
  remove(): void;
}

export class Faults {
  #planted: { fault: Fault; struck: number }[] = [];

  /** @throws TypeError for an error that there is not, or `times` below 1 */
  next(fault: Fault): PlantedFault {
    check(fault);
    const planted = { fault, struck: 0 };
    this.#planted.push(planted);
    return {
      get struck() {
        return planted.struck;
      },
      remove: () => {
        this.#planted = this.#planted.filter((other) => other !== planted);
      },
    };
  }

  clear(): void {
    this.#planted = [];
  }

  /** The fault that this call meets. */
  take(operation: string): Fault | undefined {
    const planted = this.#planted.find(
      ({ fault }) => fault.operation === undefined || fault.operation === operation,
    );
    if (planted === undefined) return undefined;
    planted.struck += 1;
    if (planted.struck >= (planted.fault.times ?? 1)) {
      this.#planted = this.#planted.filter((other) => other !== planted);
    }
    return planted.fault;
  }
}

function check(fault: Fault): void {
  const { times = 1 } = fault;
  if (!(times >= 1)) throw new TypeError(`times: 1 or more was expected, ${times} came.`);
  const failure = "error" in fault ? fault.error : "acceptThenFail" in fault ? fault.acceptThenFail : true;
  if (failure === true || failure === "Disconnect" || Object.hasOwn(errorStatus, failure)) return;
  throw new TypeError(
    `There is no error ${failure}; there are ${Object.keys(errorStatus).join(", ")} and Disconnect.`,
  );
}
