/** What the clients ask for: the n-th item of a client follows from the seed alone. */
import { isKeyed, item, type PlanItem, type ToolName } from "../program/plan.ts";
import { Random } from "../random.ts";

/** These end by themselves, so that one whose acknowledgement was lost needs nobody. */
const independent = [
  "instant",
  "stages",
  "stages",
  "parallel",
  "loop",
  "loop",
  "loop",
  "flaky",
  "flakySteps",
  "doomed",
  "slow",
  "slow",
  "sleeper",
  "caller",
] as const satisfies readonly ToolName[];
/** These need their client: to answer, to signal, or to be cancelled. So they have a key. */
const dependent = [
  "stuck",
  "asker",
  "refused",
  "branches",
  "branches",
] as const satisfies readonly ToolName[];

export function itemOf(seed: number, client: string, index: number): PlanItem {
  const random = new Random(seed, `${client}-${index}`);
  const needsClient = random.next() < 0.35;
  const tool: ToolName = needsClient ? random.pick(dependent) : random.pick(independent);
  const drawn = random.between(0, 999);
  const salt = needsClient && drawn % 4 === 0 ? drawn + 1 : drawn;
  const key = `${client}-${index}`;
  const cancellable = tool === "stages" || tool === "slow" || tool === "caller" || tool === "branches";
  const cancel = tool === "stuck" || (cancellable && random.next() < 0.25);
  const given = item(key, tool, sizeOf(tool, random), { salt, cancel });
  return { ...given, keyed: isKeyed(given.input) };
}

function sizeOf(tool: ToolName, random: Random): number {
  if (tool === "slow") return random.between(20, 110); // some are still under way when a ghost comes back
  if (tool === "loop") return random.between(5, 40);
  if (tool === "parallel") return random.between(8, 20);
  if (tool === "flaky" || tool === "flakySteps" || tool === "asker") return random.between(1, 3);
  return random.between(2, 6);
}
