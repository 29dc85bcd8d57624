/**
 * A process beside `agentcore-local` that outlives it by a moment. It is told of every program that runs, and when its
 * input ends (whoever wrote there is gone, by SIGKILL perhaps) it kills the groups of those that are left, and removes
 * their disks. Nothing of a session outlives the platform.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const kept = new Map<number, string>();

createInterface(process.stdin)
  .on("line", (line) => {
    const { pid, disk } = JSON.parse(line) as { readonly pid: number; readonly disk?: string };
    if (disk === undefined) kept.delete(pid);
    else kept.set(pid, disk);
  })
  .on("close", () => {
    for (const [pid, disk] of kept) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
      try {
        rmSync(disk, { recursive: true, force: true, maxRetries: 5 });
      } catch {
        // Something in it cannot be removed; the others' can.
      }
    }
  });
