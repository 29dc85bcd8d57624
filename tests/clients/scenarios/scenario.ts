/** One cell of the matrix, and what its scenario looks at beside the client: the journal. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { Arguments, Outcome, Person, TestClient } from "../client.ts";
import type { Deployment } from "../deployments/deployment.ts";
import type { Kind } from "../kinds/index.ts";
import { type Entry, readJournal } from "../program/journal.ts";

export interface Cell {
  readonly kind: Kind;
  readonly client: TestClient;
  readonly deployment: Deployment;
  /** Where what is done for this client is recorded. */
  readonly folder: string;
  /** A client of the same kind, of somebody else. */
  readonly stranger: () => TestClient;
  /** Another client of the same principal, at which a person sits. */
  readonly clientOf: (person: Person) => TestClient;
}

export interface Scenario {
  readonly name: string;
  run(cell: Cell): Promise<void>;
}

export function newArguments(ms?: number): Arguments {
  return { key: randomUUID(), ...(ms !== undefined && { ms }) };
}

/** What the handlers did for a call, as soon as it holds what is waited for. */
export async function journalOf(
  folder: string,
  { key }: Arguments,
  holds: (entries: readonly Entry[]) => boolean = () => true,
): Promise<readonly Entry[]> {
  const end = Date.now() + 20_000;
  for (;;) {
    const entries = readJournal(folder, key);
    if (holds(entries)) return entries;
    if (Date.now() > end) throw new Error(`the journal of ${key} holds only ${JSON.stringify(entries)}`);
    await pause(10);
  }
}

/** The id of the task that does the work of a call, once it does. */
export async function taskOf(
  folder: string,
  args: Arguments,
  event: Entry["event"] = "runs",
): Promise<string> {
  const entries = await journalOf(folder, args, (all) => all.some((entry) => entry.event === event));
  return entries[0]?.task ?? "";
}

/** The call was answered with the result of the one task that there was for it, which was run so many times. */
export function expectOneTask(
  folder: string,
  args: Arguments,
  outcome: Outcome,
  [least, most]: readonly [number, number] = [1, 1],
): void {
  const entries = readJournal(folder, args.key);
  const tasks = [...new Set(entries.map(({ task }) => task))];
  expect(tasks, "one task").toHaveLength(1);
  const attempts = Math.max(...entries.map(({ attempt }) => attempt));
  const structured = { key: args.key, task: tasks[0], attempts };
  expect(outcome).toMatchObject({ kind: "result", isError: false, structured });
  expect(entries.filter(({ event }) => event === "runs")).toHaveLength(attempts);
  expect(attempts).toBeGreaterThanOrEqual(least);
  expect(attempts).toBeLessThanOrEqual(most);
  if (args.ms !== undefined) expect(entries.filter(({ event }) => event === "done")).toHaveLength(1);
}
