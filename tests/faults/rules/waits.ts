/** Questions are answered once, parents have what their children had, and no branch has another's data. */
import { isDeepStrictEqual } from "node:util";
import { type Finding, type History, json, keyOf, submittedItems } from "../history.ts";
import { eventsOf } from "../journal.ts";
import { branchValue, childValue, stepValue, waitName } from "../program/plan.ts";

export function answeredOnce({ events, record }: History): Finding[] {
  const findings: Finding[] = [];
  const taken = new Map<string, number>();
  const given = new Set(eventsOf(events, "answering").map(({ task, key }) => `${task} ${key}`));
  for (const { task, key } of eventsOf(events, "answered").filter((event) => event.taken))
    taken.set(`${task} ${key}`, (taken.get(`${task} ${key}`) ?? 0) + 1);
  for (const [question, times] of taken)
    if (times > 1) findings.push({ detail: `question ${question} took ${times} answers` });
  const recorded = new Set<string>();
  for (const { id, timeline } of record) {
    for (const { key } of timeline.filter(({ type }) => type === "answered")) {
      const question = `${id} ${String(key)}`;
      if (recorded.has(question))
        findings.push({ task: id, detail: `${key} is answered twice in its timeline` });
      if (!given.has(question)) findings.push({ task: id, detail: `${key} was answered, and nobody did` });
      recorded.add(question);
    }
  }
  for (const question of taken.keys())
    if (!recorded.has(question))
      findings.push({ detail: `the answer that ${question} took is not recorded` });
  return findings;
}

export function childrenAgree({ record }: History): Finding[] {
  const children = Map.groupBy(record, (task) => task.parentId);
  return record.flatMap((parent): Finding[] => {
    const own = children.get(parent.id) ?? [];
    const orphans = own.filter((child) => parent.outcome !== undefined && child.outcome === undefined);
    const findings = orphans.map((child) => ({ task: child.id, detail: `outlives its parent ${parent.id}` }));
    for (const { name, state, value } of parent.operations) {
      const [kind = "", index = ""] = name.split("-");
      if (kind !== "call" || state !== "done") continue;
      const named = own.filter((child) => keyOf(child) === `${keyOf(parent)}.${index}`);
      const [child] = named;
      if (named.length !== 1 || child === undefined)
        findings.push({ task: parent.id, detail: `${name} made ${named.length} children` });
      else if (child.outcome?.status !== "completed" || !isDeepStrictEqual(child.outcome.result, value))
        findings.push({
          task: parent.id,
          detail: `${name} is ${json(value)}; its child ${child.id} is ${json(child.outcome)}`,
        });
    }
    return findings;
  });
}

/** What the clients answer now and then, see `program/answering.ts`. */
const wrongAnswer = { value: "wrong" };

/** Also of those that were cancelled on the way: whatever a branch has recorded is its own. */
export function branchesKeepApart({ events, record }: History): Finding[] {
  const items = submittedItems(events);
  return record
    .filter(({ tool }) => tool === "branches")
    .flatMap((task): Finding[] => {
      const input = items.get(keyOf(task))?.input ?? task.input;
      return task.operations.flatMap(({ name, state, value }): Finding[] => {
        if (state !== "done") return [];
        const [kind = "", number = ""] = name.split("-");
        const index = Number(number);
        const expected = expectedOf(kind, index);
        if (expected !== undefined && isDeepStrictEqual(value, expected)) return [];
        // A wrong answer is refused by the handler, and a task that was cancelled before has not looked at it.
        if (kind === "ask" && task.status === "cancelled" && isDeepStrictEqual(value, wrongAnswer)) return [];
        return [{ task: task.id, detail: `${name} has ${json(value)}, not ${json(expected)}` }];
      });

      function expectedOf(kind: string, index: number): unknown {
        if (kind === "load") return stepValue(input, index);
        if (kind === "store") return branchValue(input, index);
        if (`${kind}-${index}` !== waitName(index)) return undefined;
        if (kind === "call") return { key: `${input.key}.${index}`, total: childValue(input, index) };
        return { value: stepValue(input, index) };
      }
    });
}
