/** Whether a process can serve now: what a load balancer, and the kubelet, want to know of each replica. */
import { setTimeout as delay } from "node:timers/promises";
import type { TaskStore } from "../store/store.ts";
import { type ErrorCode, PerdureError } from "../task/errors.ts";

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: ErrorCode };

const limitMs = 3_000;

/** Never rejects; the reason is a code, and names no place. */
export async function readinessOf(open: () => TaskStore): Promise<Readiness> {
  const late = delay(limitMs, { ready: false, reason: "STORE_UNAVAILABLE" } as const, { ref: false });
  const ask = async (): Promise<void> => open().ready?.();
  const asked = ask().then(
    () => ({ ready: true }) as const,
    (error: unknown) => {
      const reason = error instanceof PerdureError ? error.code : "STORE_UNAVAILABLE";
      return { ready: false, reason } as const;
    },
  );
  return Promise.race([asked, late]);
}
