/** Every task ends, once, and as it should. */
import { isDeepStrictEqual } from "node:util";
import { type Finding, type History, json, keyOf, submittedItems } from "../history.ts";
import { eventsOf, type Outcome } from "../journal.ts";
import { expectedOutcomes } from "../program/plan.ts";

/** Another process, or a handler in the middle of a step, notices an end within this time. */
const noticeMs = 1_000;

export function unfinished({ record }: History): Finding[] {
  return record
    .filter((task) => task.outcome === undefined)
    .map((task) => ({
      task: task.id,
      detail: `${task.tool} is ${task.status} (${task.phase}) after attempt ${task.attempt}`,
    }));
}

export function terminalStates({ events, record }: History): Finding[] {
  const findings: Finding[] = [];
  const final = new Map(record.map((task) => [task.id, task.outcome]));
  for (const { task, outcome } of eventsOf(events, "ended")) {
    if (!final.has(task) || isDeepStrictEqual(final.get(task), outcome)) continue;
    findings.push({ task, detail: `was seen ${json(outcome)}, is ${json(final.get(task))}` });
  }
  for (const task of record) {
    const ends = task.timeline.filter(({ type }) => isEnd(type));
    if (task.outcome === undefined) continue;
    if (ends.length !== 1 || ends[0]?.type !== task.outcome.status)
      findings.push({
        task: task.id,
        detail: `is ${task.outcome.status}; its timeline ends by ${json(ends)}`,
      });
    else if (!isEnd(task.timeline.at(-1)?.type ?? ""))
      findings.push({
        task: task.id,
        detail: `its timeline goes on after the end: ${json(task.timeline.at(-1))}`,
      });
  }
  return findings;
}

export function runsAfterEnd({ events }: History): Finding[] {
  const born = new Map<number, number>();
  const ended = new Map<string, number>();
  let continuedAt = 0;
  return events.flatMap((event): Finding[] => {
    if (!born.has(event.pid)) born.set(event.pid, event.at);
    if (event.event === "signalled" && event.signal === "SIGCONT") continuedAt = event.at;
    if (event.event === "ended" && !ended.has(event.task)) ended.set(event.task, event.at);
    if (event.event !== "begun" && event.event !== "effect") return [];
    const end = ended.get(event.task);
    if (end === undefined) return [];
    const inLaterLife = (born.get(event.pid) ?? 0) > end;
    const noticed = event.at - Math.max(end, continuedAt) > noticeMs;
    if (!inLaterLife && !noticed) return [];
    return [{ task: event.task, detail: `${event.event} ${Math.round(event.at - end)} ms after its end` }];
  });
}

export function results({ events, record }: History): Finding[] {
  const items = submittedItems(events);
  return record.flatMap((task) => {
    const item = items.get(keyOf(task));
    if (item === undefined) return [{ task: task.id, detail: `nobody submitted ${json(task.input)}` }];
    if (task.outcome === undefined) return [];
    const expected = expectedOutcomes(item);
    if (expected.some((outcome) => agree(outcome, task.outcome))) return [];
    return [
      {
        task: task.id,
        detail: `${item.tool} ${item.key}: expected ${json(expected)}, is ${json(task.outcome)}`,
      },
    ];
  });
}

function isEnd(type: string): boolean {
  return type === "completed" || type === "failed" || type === "cancelled";
}

/** The message of a failure is looked at only where one is expected. */
function agree(expected: Outcome, outcome: Outcome | undefined): boolean {
  if (expected.status === "failed" && outcome?.status === "failed")
    return expected.code === outcome.code && outcome.message.includes(expected.message);
  return isDeepStrictEqual(expected, outcome);
}
