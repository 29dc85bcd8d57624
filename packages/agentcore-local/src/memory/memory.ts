/** AgentCore Memory, its data plane: events of sessions, and memory records. */
import type { Clock } from "../clock.ts";
import type { Operation } from "../operation.ts";
import { eventOperations } from "./events.ts";
import { extractionOperations } from "./extraction.ts";
import { recordBatchOperations } from "./record-batches.ts";
import { recordOperations } from "./records.ts";
import { sessionOperations } from "./sessions.ts";
import { type MemoryOptions, MemorySetting } from "./setting.ts";

export interface Memory {
  readonly operations: readonly Operation[];
  close(): void;
}

/** @throws Error for a file that cannot be opened */
export function openMemory(options: MemoryOptions, clock: Clock): Memory {
  const setting = new MemorySetting(options, clock);
  return {
    operations: [
      ...eventOperations(setting),
      ...sessionOperations(setting),
      ...recordOperations(setting),
      ...recordBatchOperations(setting),
      ...extractionOperations(setting),
    ],
    close: () => setting.close(),
  };
}
