/** What the tests of `exec` know of processes. */
import { readFileSync } from "node:fs";
import { expect, vi } from "vitest";

/** A zombie that nobody waits for is dead. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return process.platform !== "linux";
  }
}

export async function gone(pids: readonly number[], withinMs = 10_000): Promise<void> {
  expect(pids.every((pid) => pid > 1)).toBe(true);
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: withinMs, interval: 20 });
}

export function toPids(line: string | undefined): number[] {
  const pids = (line ?? "").trim().split(/\s+/).map(Number);
  expect(pids.every(Number.isInteger)).toBe(true);
  return pids;
}
