/** What a caller was promised: the task is there, once, under its key. */
import { isDeepStrictEqual } from "node:util";
import { eventsOf } from "../journal.ts";
import { type Finding, type History, json, keyOf, submittedItems } from "../history.ts";

export function lost({ events, record }: History): Finding[] {
  const found = new Map(record.map((task) => [task.id, task]));
  const items = submittedItems(events);
  const findings: Finding[] = [];
  for (const { key, task: id } of eventsOf(events, "acknowledged")) {
    const task = found.get(id);
    const item = items.get(key);
    if (task === undefined) findings.push({ task: id, detail: `acknowledged as ${key}, not in the record` });
    else if (task.tool !== item?.tool || !isDeepStrictEqual(task.input, item.input))
      findings.push({
        task: id,
        detail: `acknowledged as ${key}, but it is ${task.tool} ${json(task.input)}`,
      });
  }
  return findings;
}

export function duplicated({ events, record }: History): Finding[] {
  const asked = countBy(eventsOf(events, "submitting"), (event) => event.key);
  const kept = countBy(record, keyOf);
  const items = submittedItems(events);
  return [...kept].flatMap(([key, count]) => {
    // A child is asked for by its parent, once.
    const origin = items.get(key)?.parent ?? key;
    const most = items.get(origin)?.keyed === true ? 1 : (asked.get(origin) ?? 0);
    return count <= most ? [] : [{ detail: `${count} tasks of ${key}; at most ${most} were asked for` }];
  });
}

export function keyNamesOneTask({ events, record }: History): Finding[] {
  const items = submittedItems(events);
  const findings: Finding[] = [];
  const named = new Map<string, string>();
  for (const { key, task } of eventsOf(events, "acknowledged")) {
    if (items.get(key)?.keyed !== true) continue;
    const first = named.get(key) ?? task;
    named.set(key, first);
    if (first !== task) findings.push({ task, detail: `${key} named ${first} before` });
  }
  for (const { key, code } of eventsOf(events, "conflict")) {
    if (code !== "IDEMPOTENCY_CONFLICT")
      findings.push({ detail: `other input under ${key} was answered ${code}` });
  }
  for (const task of record) {
    const item = items.get(keyOf(task));
    if (item?.keyed === true && task.idempotencyKey !== item.key)
      findings.push({
        task: task.id,
        detail: `kept under the key ${String(task.idempotencyKey)}, not ${item.key}`,
      });
  }
  return findings;
}

function countBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
