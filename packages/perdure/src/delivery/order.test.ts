/**
 * Whatever a memory does, and whenever: nothing is lost, nothing comes twice, ends of a session are in their order and
 * before interim results that waited beside them, and no session is written to faster than its rate.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { z } from "zod";
import { closeNow, testApp } from "../app/app.fixture.ts";
import { inSqlite } from "../store/store-under-test.fixture.ts";
import { ManualClock } from "../testing/index.ts";
import { type MemoryEntry, MemoryError, type MemoryErrorKind, type MemoryMessage } from "./memory.ts";
import { type Reaction, ScriptedMemory } from "./scripted-memory.fixture.ts";

const sessions = ["s-1", "s-2"] as const;
const paceMs = 4_000;

const event = fc.record({
  session: fc.constantFrom(...sessions),
  what: fc.constantFrom("end", "interim"),
  thenMs: fc.constantFrom(0, 100, 3_000, 10_000),
});
const failures: readonly MemoryErrorKind[] = [
  "throttled",
  "conflict",
  "quota",
  "denied",
  "not-found",
  "unavailable",
];
const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Reaction>("kept") },
  { weight: 2, arbitrary: fc.constant<Reaction>("lost") },
  { weight: 1, arbitrary: fc.constant<Reaction>("silent") },
  { weight: 3, arbitrary: fc.constantFrom(...failures).map((kind): Reaction => new MemoryError(kind, "no")) },
);

it("holds for any history and any memory", async () => {
  const property = fc.asyncProperty(
    fc.array(event, { minLength: 1, maxLength: 25 }),
    fc.array(reaction, { maxLength: 25 }),
    async (events, reactions) => {
      const clock = new ManualClock();
      const memory = new ScriptedMemory(() => clock.now());
      const left = [...reactions];
      memory.react = () => left.shift() ?? "kept";
      const app = testApp({ clock, memory, deliver: "always", random: () => 0.5 });
      app.task("end", { description: "Ends.", input: z.string() }, async (said) => said);
      app.task("interim", { description: "Says.", input: z.string() }, async (said, task) => {
        await task.remember(said);
        await task.sleep("30d");
      });
      await app.start();
      const committed: Record<string, { readonly end: string[]; readonly interim: string[] }> = {};
      for (const [n, { session, what, thenMs }] of events.entries()) {
        await app.submit(what, `${what} ${n}`, { session: { session } });
        (committed[session] ??= { end: [], interim: [] })[what].push(`${what} ${n}`);
        await clock.advance(thenMs);
      }
      // Each hour brings hundreds of samples of the store's load. The last: nothing may come again.
      for (let hours = 0; hours < 48 && keptBy(memory) < events.length; hours++) await clock.advance("1h");
      await clock.advance("1h");
      for (const session of sessions) {
        const { end, interim } = committed[session] ?? { end: [], interim: [] };
        const history = memory.history(session);
        expect(history.filter(({ kind }) => kind === "end").map(textOf)).toEqual(end);
        expect(history.filter(({ kind }) => kind === "interim").map(textOf)).toEqual(interim);
        const tried = memory.tried.filter(({ message }) => message.context.session === session);
        for (const { message } of tried) expectEndsFirst(message);
        const gaps = tried.slice(1).map(({ at }, n) => at - (tried[n]?.at ?? 0));
        expect(gaps.filter((gap) => gap < paceMs)).toEqual([]);
        expectSameUnderSameKey(tried.map(({ message }) => message));
      }
      await closeNow(app, clock);
    },
  );
  await fc.assert(property, { numRuns: inSqlite ? 15 : 4 });
}, 120_000);

function keptBy(memory: ScriptedMemory): number {
  return sessions.flatMap((session) => memory.history(session)).length;
}

function textOf(entry: MemoryEntry): string {
  if (entry.kind === "end" && entry.status === "completed") return entry.result.text;
  return entry.kind === "interim" ? entry.remembered.map(({ text }) => text).join("+") : entry.kind;
}

function expectEndsFirst({ entries }: MemoryMessage): void {
  const kinds = entries.map(({ kind }) => kind);
  expect(kinds).toEqual([
    ...kinds.filter((kind) => kind === "end"),
    ...kinds.filter((kind) => kind === "interim"),
  ]);
}

function expectSameUnderSameKey(messages: readonly MemoryMessage[]): void {
  for (const same of Map.groupBy(messages, ({ key }) => key).values()) {
    for (const { entries } of same) expect(entries).toEqual(same[0]?.entries);
  }
}
