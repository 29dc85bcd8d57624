/** What was recorded never runs again, stays as it was, and is complete. */
import { isDeepStrictEqual } from "node:util";
import { type Finding, type History, json, keyOf, submittedItems } from "../history.ts";
import { type EventOf, eventsOf } from "../journal.ts";
import { expectedSteps } from "../program/plan.ts";

export function stepsRunAgain({ events, record }: History): Finding[] {
  const findings: Finding[] = [];
  const recorded = new Map<string, number>();
  const lastRun = new Map<string, number>();
  for (const event of events) {
    if (event.event === "recorded") recorded.set(`${event.task} ${event.step}`, event.attempt);
    if (event.event !== "effect") continue;
    const name = `${event.task} ${event.step}`;
    lastRun.set(name, event.attempt);
    if (recorded.has(name))
      findings.push({
        task: event.task,
        detail: `${event.step} was recorded in attempt ${recorded.get(name)} and ran again in ${event.attempt}`,
      });
  }
  for (const { id, operations } of record) {
    for (const { name, state, attempt } of operations) {
      const ran = lastRun.get(`${id} ${name}`);
      if (state !== "attempted" && ran !== undefined && ran > attempt)
        findings.push({ task: id, detail: `${name} is recorded by attempt ${attempt} and ran in ${ran}` });
    }
  }
  return findings;
}

export function valuesStay({ events, record }: History): Finding[] {
  const findings: Finding[] = [];
  const values = new Map<string, EventOf<"recorded">["value"]>();
  const compare = (task: string, step: string, value: EventOf<"recorded">["value"]): void => {
    const name = `${task} ${step}`;
    if (values.has(name) && !isDeepStrictEqual(values.get(name), value))
      findings.push({ task, detail: `${step} was ${json(values.get(name))} and became ${json(value)}` });
    values.set(name, value);
  };
  for (const event of eventsOf(events, "recorded")) compare(event.task, event.step, event.value);
  for (const { id, operations } of record) {
    for (const { name, state, value } of operations) if (state === "done") compare(id, name, value ?? null);
  }
  return findings;
}

export function stepCounts({ events, record }: History): Finding[] {
  const ran = new Set(eventsOf(events, "effect").map((event) => `${event.task} ${event.step}`));
  const items = submittedItems(events);
  return record.flatMap((task): Finding[] => {
    const item = items.get(keyOf(task));
    if (item === undefined || task.outcome?.status !== "completed") return [];
    const steps = expectedSteps(item);
    const done = task.operations.filter((operation) => operation.state === "done").map(({ name }) => name);
    const notRun = [...steps.recorded, ...steps.effects].filter((step) => !ran.has(`${task.id} ${step}`));
    const findings = notRun.map((step) => ({ task: task.id, detail: `completed, but ${step} never ran` }));
    const expected = [...steps.recorded, ...(steps.waits ?? [])];
    if (!isDeepStrictEqual(done.toSorted(), expected.toSorted()))
      findings.push({
        task: task.id,
        detail: `completed with the steps ${json(done)}, not ${json(expected)}`,
      });
    return findings;
  });
}

export function savedStates({ events }: History): Finding[] {
  const findings: Finding[] = [];
  const rounds = new Map<string, { saving: number; saved: number }>();
  for (const event of events) {
    if (event.event !== "saving" && event.event !== "saved" && event.event !== "resumed") continue;
    const known = rounds.get(event.task) ?? { saving: 0, saved: 0 };
    rounds.set(event.task, known);
    if (event.event === "saving") known.saving = Math.max(known.saving, event.round);
    else if (event.event === "saved") known.saved = Math.max(known.saved, event.round);
    else if (event.round < known.saved)
      findings.push({ task: event.task, detail: `resumed at ${event.round} after ${known.saved} was saved` });
    else if (event.round > known.saving)
      findings.push({
        task: event.task,
        detail: `resumed at ${event.round}; only ${known.saving} was ever saved`,
      });
  }
  return findings;
}
