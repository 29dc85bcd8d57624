/** The journal: one line for each thing a handler did, appended in one write by whichever process it ran in. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

export interface Entry {
  /** `saved`: a part of the work is done and recorded; `aborted`: its signal was. */
  readonly event: "runs" | "saved" | "done" | "aborted";
  /** Tells the calls apart: each test's are its own. */
  readonly key: string;
  readonly tool: string;
  readonly task: string;
  readonly owner: string;
  readonly attempt: number;
  readonly pid: number;
  /** Why the signal was aborted. */
  readonly code?: string;
}

export function writeJournal(folder: string, entry: Entry): void {
  appendFileSync(fileIn(folder), `${JSON.stringify(entry)}\n`);
}

/** What was done for the calls of one key. */
export function readJournal(folder: string, key: string): Entry[] {
  const file = fileIn(folder);
  if (!existsSync(file)) return [];
  // The last line may be half written by a process that was killed.
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Entry).filter((entry) => entry.key === key);
}

function fileIn(folder: string): string {
  return `${folder}/journal.jsonl`;
}
