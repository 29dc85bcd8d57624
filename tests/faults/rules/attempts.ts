/** Attempts rise, only the latest works, and each has its reason. */
import { type Finding, type History, json } from "../history.ts";
import { eventsOf } from "../journal.ts";

export function attemptsRise({ events, record }: History): Finding[] {
  const findings: Finding[] = [];
  const latest = new Map<string, number>();
  for (const { task, attempt } of eventsOf(events, "begun")) {
    const before = latest.get(task) ?? 0;
    if (attempt <= before)
      findings.push({ task, detail: `attempt ${attempt} began after attempt ${before}` });
    latest.set(task, Math.max(before, attempt));
  }
  for (const { id, attempt, timeline } of record) {
    const begun = timeline.flatMap((event) =>
      event.attempt !== undefined && event.type === "begun" ? [event.attempt] : [],
    );
    if (begun.some((number, i) => number !== i + 1) || begun.length !== attempt)
      findings.push({ task: id, detail: `attempt ${attempt}; its timeline began ${json(begun)}` });
    if ((latest.get(id) ?? 0) > attempt)
      findings.push({
        task: id,
        detail: `the record knows ${attempt} attempts; the handler began ${latest.get(id)}`,
      });
  }
  return findings;
}

export function olderAttempts({ events }: History): Finding[] {
  const latest = new Map<string, number>();
  return events.flatMap((event): Finding[] => {
    if (event.event === "begun") latest.set(event.task, Math.max(latest.get(event.task) ?? 0, event.attempt));
    if (event.event !== "effect" && event.event !== "recorded") return [];
    const newest = latest.get(event.task) ?? 0;
    if (event.attempt >= newest) return [];
    return [
      {
        task: event.task,
        detail: `${event.event} ${event.step} by attempt ${event.attempt}; ${newest} had begun`,
      },
    ];
  });
}

/** A process begins a task once, and again after each error that it threw and each parking: for no other reason. */
export function attemptCounts({ events, record }: History): Finding[] {
  const lives = eventsOf(events, "spawned").length;
  return record
    .map((task) => ({ ...task, parks: task.timeline.filter(({ type }) => type === "parked").length }))
    .filter((task) => task.attempt > lives + task.errors + task.parks)
    .map((task) => ({
      task: task.id,
      detail:
        `${task.attempt} attempts in ${lives} lives of processes with ${task.errors} errors, ` +
        `parked ${task.parks} times`,
    }));
}

/** Flushed at each commit, and with a journal on the disk: the modes that keep it there. */
export function durability({ events }: History): Finding[] {
  return eventsOf(events, "durability")
    .filter(({ synchronous, journalMode }) => synchronous < 2 || !["wal", "delete"].includes(journalMode))
    .map(({ synchronous, journalMode }) => ({
      detail: `a commit with synchronous=${synchronous}, journal_mode=${journalMode}`,
    }));
}
