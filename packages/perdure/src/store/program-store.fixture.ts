/** The store of a program that tests start, kill and start again. It imports nothing of a test runner. */
import type { Clock } from "../task/clock.ts";
import { openPostgresStoreForTest } from "./postgres/store.ts";
import type { TaskStore } from "./store.ts";

/** Who was killed is missed within two leases: at the default, each such test would wait for half a minute. */
export const leaseMs = 3_000;

/** @param url of `temporaryStore` */
export function programStore(url: string): TaskStore | string {
  return url.startsWith("sqlite:") ? url : openShortLeased(url);
}

export function openShortLeased(url: string, clock?: Clock): TaskStore {
  return openPostgresStoreForTest({
    url,
    leaseMs,
    warn: () => undefined,
    ...(clock !== undefined && { clock }),
  });
}
