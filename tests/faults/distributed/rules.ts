/**
 * What must be true beside the rules of one machine, where a process may be cut off, stopped and declared dead while it
 * runs on. Its attempt is then a ghost: what it does after another attempt has begun changes nothing, and whoever looks
 * at what was done must look past it.
 *
 * Lines of the journal are in the order in which things happened, whatever process wrote them; what a line tells of the
 * record may have been true for a while, because a process can be stopped between a commit and its line.
 */
import { isDeepStrictEqual } from "node:util";
import { type Finding, type History, json, keyOf } from "../history.ts";
import { type EventOf, eventsOf, type JournalEvent } from "../journal.ts";
import { leaseMs } from "./fleet.ts";

/** The history without what ghosts did: lines by an attempt after a later one began. */
export function withoutGhosts({ events, record }: History): History {
  const latest = new Map<string, number>();
  const kept = events.filter((event) => {
    if (!("attempt" in event) || !("task" in event)) return true;
    const newest = latest.get(event.task) ?? 0;
    if (event.event === "begun") latest.set(event.task, Math.max(newest, event.attempt));
    return event.attempt >= newest;
  });
  return { events: kept, record };
}

/** Of a write that was begun after a later attempt had, and was accepted all the same. */
export function fencing({ events }: History): Finding[] {
  const latest = new Map<string, number>();
  const begunLate = new Map<string, number>();
  const findings: Finding[] = [];
  for (const event of events) {
    if (event.event === "begun") latest.set(event.task, Math.max(latest.get(event.task) ?? 0, event.attempt));
    const write = writeOf(event);
    if (write === undefined) continue;
    const { task, attempt } = write.by;
    const newest = latest.get(task) ?? 0;
    const name = `${task} ${write.name} ${attempt}`;
    if (write.begins && attempt < newest) begunLate.set(name, newest);
    const past = begunLate.get(name);
    if (!write.begins && past !== undefined)
      findings.push({
        task,
        detail: `${write.name} was written by attempt ${attempt} after ${past} had begun`,
      });
  }
  return findings;
}

function writeOf(event: JournalEvent) {
  switch (event.event) {
    case "effect":
      return { by: event, name: event.step, begins: true };
    case "recorded":
      return { by: event, name: event.step, begins: false };
    case "saving":
      return { by: event, name: `state ${event.round}`, begins: true };
    case "saved":
      return { by: event, name: `state ${event.round}`, begins: false };
    default:
      return undefined;
  }
}

/** By task, name and attempt: only a step that is tried again within its attempt runs more than once. */
export function effectsOnce({ events }: History): Finding[] {
  const counts = new Map<string, number>();
  for (const { task, step, attempt } of eventsOf(events, "effect")) {
    if (step === "shaky") continue;
    const name = `${task} ${step} ${attempt}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => ({ detail: `${name} ran ${count} times` }));
}

/** One end in the timeline; behind it only what became of its delivery. */
export function oneEnd({ record }: History): Finding[] {
  return record.flatMap(({ id, outcome, timeline }): Finding[] => {
    if (outcome === undefined) return [];
    const after = new Set(["claimed", "delivered", "delivery_failed", "undelivered"]);
    const own = timeline.map(({ type }) => type).filter((type) => !after.has(type));
    const ends = own.filter((type) => type === "completed" || type === "failed" || type === "cancelled");
    if (ends.length === 1 && own.at(-1) === outcome.status) return [];
    return [
      {
        task: id,
        detail: `is ${outcome.status}; its timeline has the ends ${json(ends)}, its last is ${own.at(-1)}`,
      },
    ];
  });
}

/** What the timeline tells of after an attempt had begun was recorded by that attempt. */
export function recordedByTheLatest({ record }: History): Finding[] {
  return record.flatMap(({ id, operations, timeline }): Finding[] => {
    const by = new Map(operations.map((operation) => [operation.name, operation]));
    let latest = 0;
    return timeline.flatMap(({ type, attempt, name, state }): Finding[] => {
      if (type === "begun") latest = attempt ?? latest;
      const operation = type === "operation" && state === "done" ? by.get(name ?? "") : undefined;
      if (operation === undefined || operation.attempt >= latest) return [];
      return [
        {
          task: id,
          detail: `${name} was recorded by attempt ${operation.attempt} after ${latest} had begun`,
        },
      ];
    });
  });
}

/** No operation is recorded twice: its timeline tells of each once. */
export function operationsOnce({ record }: History): Finding[] {
  return record.flatMap(({ id, operations }): Finding[] => {
    const names = operations.map(({ name }) => name);
    return new Set(names).size === names.length
      ? []
      : [{ task: id, detail: `has operations twice: ${json(names)}` }];
  });
}

/** What a client was told is what is. */
export function seenAsItIs({ events, record }: History): Finding[] {
  const byId = new Map(record.map((task) => [task.id, task]));
  return eventsOf(events, "seen").flatMap(({ task: id, end }): Finding[] => {
    const outcome = byId.get(id)?.outcome;
    const agrees =
      outcome?.status === end.status &&
      (outcome.status !== "completed" ||
        end.status !== "completed" ||
        isDeepStrictEqual(outcome.result, end.result)) &&
      (outcome.status !== "failed" || end.status !== "failed" || end.text === outcome.message);
    return agrees ? [] : [{ task: id, detail: `was seen ${json(end)}, is ${json(outcome)}` }];
  });
}

export function cancelsHold({ events, record }: History): Finding[] {
  const byId = new Map(record.map((task) => [task.id, task]));
  return eventsOf(events, "cancelled").flatMap(({ task: id }): Finding[] => {
    const task = byId.get(id);
    return task?.outcome === undefined
      ? [{ task: id, detail: "its cancellation was acknowledged, and it is open" }]
      : [];
  });
}

/** Every client has heard of the end of every task that was acknowledged to it. */
export function nobodyWaits({ events }: History): Finding[] {
  const seen = new Set(eventsOf(events, "seen").map(({ task }) => task));
  return eventsOf(events, "acknowledged")
    .filter(({ task }) => !seen.has(task))
    .map(({ key, task }) => ({ task, detail: `${key} was never seen to end` }));
}

export function deliveredOnce({ events, record }: History): Finding[] {
  const ends = Map.groupBy(
    eventsOf(events, "delivered").filter(({ kind }) => kind === "end"),
    ({ task }) => task,
  );
  return record.flatMap(({ id, delivers, outcome }): Finding[] => {
    const of = ends.get(id) ?? [];
    const expected = delivers === true && outcome !== undefined ? 1 : 0;
    if (of.length !== expected)
      return [{ task: id, detail: `its end was delivered ${of.length} times, not ${expected}` }];
    const [first] = of;
    if (first === undefined || first.status === outcome?.status) return [];
    return [{ task: id, detail: `${first.status} was delivered, it is ${outcome?.status}` }];
  });
}

/** By a handler of the version that it was made for. */
export function versionsKept({ events, record }: History): Finding[] {
  const byId = new Map(record.map((task) => [task.id, task]));
  return eventsOf(events, "begun").flatMap(({ task: id, attempt, version }): Finding[] => {
    const task = byId.get(id);
    if (task === undefined || task.version === version) return [];
    return [
      { task: id, detail: `attempt ${attempt} of a task of version ${task.version} ran as ${version}` },
    ];
  });
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** What was done to each process, and under 0 to all of them. */
function disturbances(events: readonly JournalEvent[]): ReadonlyMap<number, readonly Span[]> {
  const spans = new Map<number, Span[]>();
  const add = (process: number, span: Span): void =>
    void spans.set(process, [...(spans.get(process) ?? []), span]);
  const open = new Map<string, number>();
  const driver = events.find(({ event }) => event === "spawned")?.pid;
  for (const event of events) {
    // The driver carries all bytes: what holds it up, or the database, holds up all.
    if (event.event === "stalled")
      add(event.pid === driver ? 0 : event.pid, { from: event.at - event.ms, to: event.at });
    // Its own way to the database was too slow, whatever the reason: it says so.
    if (event.event === "warned" && /no answer|timeout/.test(event.text))
      add(event.pid, { from: event.at - leaseMs, to: event.at + leaseMs });
    if (event.event === "disturbed") open.set(`${event.process} ${event.how}`, event.at);
    if (event.event !== "mended") continue;
    const key = `${event.process} ${event.how}`;
    add(event.process, { from: open.get(key) ?? event.at, to: event.at });
    open.delete(key);
  }
  for (const [key, from] of open) add(Number(key.split(" ")[0]), { from, to: Number.POSITIVE_INFINITY });
  return spans;
}

interface TakeOver {
  readonly task: string;
  readonly attempt: number;
  readonly by: EventOf<"begun">;
  /** When the next attempt began; absent where the task ended instead. */
  readonly next: EventOf<"begun"> | undefined;
}

/** What crashed, as far as the journal knows who ran it. */
function takeOvers({ events, record }: History): readonly TakeOver[] {
  const begun = new Map(eventsOf(events, "begun").map((event) => [`${event.task} ${event.attempt}`, event]));
  return record.flatMap(({ id: task, timeline }) =>
    timeline.flatMap(({ type, attempt = 0 }): TakeOver[] => {
      const by = begun.get(`${task} ${attempt}`);
      if (type !== "crashed" || by === undefined) return [];
      return [{ task, attempt, by, next: begun.get(`${task} ${attempt + 1}`) }];
    }),
  );
}

/** Nobody's attempt is taken over but of a process that was kept from its lease. */
export function takeOversHaveReasons(history: History): Finding[] {
  const spans = disturbances(history.events);
  return takeOvers(history).flatMap(({ task, attempt, by, next }): Finding[] => {
    const [from, to] = [by.at - leaseMs, next?.at ?? Number.POSITIVE_INFINITY];
    const some = [...(spans.get(by.pid) ?? []), ...(spans.get(0) ?? [])];
    if (some.some((span) => span.from < to && span.to > from)) return [];
    return [
      {
        task,
        detail: `attempt ${attempt} of process ${by.pid} was taken over after ${Math.round(to - by.at)} ms, and nothing was done to it`,
      },
    ];
  });
}

/**
 * How long what a killed process ran had to wait, of the time in which anybody could have taken it over: while there was
 * a worker that had not been kept from its lease for half of it. Who was cut off first gives others as much.
 */
export function takeOverTimes(history: History): readonly { readonly task: string; readonly ms: number }[] {
  const able = ableSpans(history.events);
  const killed = new Map<number, number>();
  for (const event of eventsOf(history.events, "disturbed"))
    if (event.how.startsWith("kill")) killed.set(event.process, event.at);
  return takeOvers(history).flatMap(({ task, by, next }) => {
    const at = killed.get(by.pid);
    if (at === undefined || at < by.at || next === undefined) return [];
    return [{ task, ms: within(able, { from: at, to: next.at }) }];
  });
}

/** When at least one worker was able to take over. */
function ableSpans(events: readonly JournalEvent[]): readonly Span[] {
  const spans = disturbances(events);
  const each = eventsOf(events, "ready").flatMap(({ pid, at }) => {
    const life = events.findLast((event) => event.pid === pid)?.at ?? at;
    return without({ from: at + leaseMs / 2, to: life }, [
      ...(spans.get(pid) ?? []),
      ...(spans.get(0) ?? []),
    ]);
  });
  const union: Span[] = [];
  for (const span of each.toSorted((a, b) => a.from - b.from)) {
    const last = union.at(-1);
    if (last === undefined || span.from > last.to) union.push(span);
    else union[union.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
  }
  return union;
}

/** What is left of a span, with half a lease after each disturbance. */
function without({ from, to }: Span, some: readonly Span[]): readonly Span[] {
  const left: Span[] = [];
  let at = from;
  for (const span of some.toSorted((a, b) => a.from - b.from)) {
    if (span.from > at) left.push({ from: at, to: Math.min(to, span.from) });
    at = Math.max(at, span.to + leaseMs / 2);
  }
  return [...left, { from: at, to }].filter((span) => span.to > span.from);
}

function within(spans: readonly Span[], { from, to }: Span): number {
  return spans.reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0);
}

/** Two leases, and what a busy machine adds. */
export const takeOverWithinMs = 2 * leaseMs + 4_000;

export function takeOversInTime(history: History): Finding[] {
  return takeOverTimes(history)
    .filter(({ ms }) => ms > takeOverWithinMs)
    .map(({ task, ms }) => ({
      task,
      detail: `was taken over after ${Math.round(ms)} ms in which there was somebody to do so`,
    }));
}

/** A member of the record that nobody asked for would be found by `results`; this one says which keys are there twice. */
export function keysOnce({ record }: History): Finding[] {
  const keyed = record.filter(({ idempotencyKey }) => idempotencyKey !== undefined);
  return [...Map.groupBy(keyed, keyOf)]
    .filter(([, tasks]) => tasks.length > 1)
    .map(([key, tasks]) => ({ detail: `${key} is there ${tasks.length} times` }));
}
