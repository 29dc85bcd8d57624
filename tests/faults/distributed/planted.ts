/**
 * A fire in which nothing is ever found proves nothing. So each of these bugs is planted into a copy of the source, the
 * fleet of that copy is set on fire, and the checker has to find it, by one of the rules that are named.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { track } from "../children.ts";
import type { Report } from "../report.ts";
import type { RuleName } from "./checker.ts";

interface Edit {
  /** In `packages/perdure/src/store/postgres`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

interface Plant {
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** Any of them. */
  readonly foundBy: readonly RuleName[];
}

const plants: readonly Plant[] = [
  {
    bug: "fencing off: a write is taken of any attempt, whatever became of the task",
    edits: [
      {
        file: "transitions/shared.ts",
        from: "if (task?.attempt === key.attempt && task.running === 1 && task.due_at === null) return task;",
        to: "if (task !== undefined) return task;",
      },
    ],
    foundBy: [
      "one terminal state each",
      "an older attempt writes nothing",
      "what a client was told is what is",
    ],
  },
  {
    bug: "fencing by the task alone: an attempt that was overtaken writes while the next one runs",
    edits: [
      {
        file: "transitions/shared.ts",
        from: "if (task?.attempt === key.attempt && task.running === 1 && task.due_at === null) return task;",
        to: "if (task?.running === 1) return task;",
      },
    ],
    foundBy: [
      "an older attempt writes nothing",
      "results are right",
      "saved state is the latest",
      "steps are complete",
      "recorded values stay",
      "what a client was told is what is",
    ],
  },
  {
    bug: "record and dispatch are two commits",
    edits: [
      {
        file: "store.ts",
        from: "return this.#write(createTask({ ...task, session, delivery, answers }, input));",
        to: `const startAt = 9_000_000_000_000_000;
    const split = await this.#write(createTask({ ...task, session, delivery, answers, startAt }, input));
    if (split.created) {
      const decide = (unit: Parameters<Transition<void>["decide"]>[0]): void => {
        unit.update(task.id, { due_at: unit.now });
        unit.wakeExecutor();
      };
      await this.#write({ needs: { tasks: [task.id] }, decide });
    }
    return split;`,
      },
    ],
    foundBy: ["every task is finished", "nobody waits for ever"],
  },
  {
    bug: "the end of a task and its delivery are two commits",
    edits: [
      {
        file: "transitions/ending.ts",
        from: "  deliverEnd(unit, row, byCaller);",
        to: '  if (ending.type !== "completed") deliverEnd(unit, row, byCaller);',
      },
      {
        file: "store.ts",
        from: "    await this.#write(completeTask(completion, result));",
        to: `    await this.#write(completeTask(completion, result));
    const { deliverEnd } = await import("./transitions/outbox.ts");
    const deliver = (unit: Parameters<Transition<void>["decide"]>[0]): void => {
      const row = unit.task(completion.taskId);
      if (row !== undefined) deliverEnd(unit, row, false);
    };
    await this.#write({ needs: { tasks: [completion.taskId] }, decide: deliver });`,
      },
    ],
    foundBy: ["every end is delivered once"],
  },
  {
    bug: "who is there is taken over: no look at the lease",
    edits: [
      {
        file: "membership.ts",
        from: "DELETE FROM @.processes WHERE $1 AND lease_until < ${databaseTime} AND id <> $2 RETURNING id",
        to: "DELETE FROM @.processes WHERE $1 AND id <> $2 RETURNING id",
      },
    ],
    foundBy: ["only who was kept from its lease is taken over"],
  },
];

export interface PlantedRun {
  readonly folder: string;
  readonly seed: number;
  readonly minutes: number;
  readonly report: Report;
  /** Words of the bugs that are wanted; default: all. */
  readonly only: readonly string[] | undefined;
}

/** Another seed, where chance did not come by. */
const mostTries = 3;
const root = fileURLToPath(new URL("../../..", import.meta.url));

export async function runPlanted({ folder, seed, minutes, report, only }: PlantedRun): Promise<void> {
  const chosen = plants.filter(({ bug }) => only?.some((words) => bug.includes(words)) ?? true);
  for (const [i, plant] of chosen.entries()) {
    const copy = join(folder, `plant-${i + 1}`);
    plantInto(copy, plant);
    const began = performance.now();
    let found: string | undefined;
    let tries = 0;
    while (found === undefined && tries < mostTries) {
      const output = await fire(copy, { seed: seed + tries++, minutes });
      found = plant.foundBy.find((rule) => output.includes(`FAIL ${rule}\n`));
      if (!output.includes("passed,")) report.note(`no verdict: ${output.slice(-1_000)}`);
    }
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    const how = found === undefined ? "not found" : `found after ${seconds} s by "${found}"`;
    const runs = tries === 1 ? "" : ` in ${tries} runs`;
    report.claim(
      `${plant.bug}: ${how}${runs}`,
      found === undefined ? [`looked for by ${plant.foundBy.join(", ")}`] : [],
    );
    rmSync(copy, { recursive: true });
  }
}

/** A copy of what runs, with its packages by reference, and the bug in it. */
function plantInto(copy: string, { bug, edits }: Plant): void {
  for (const path of ["package.json", "packages/perdure/package.json", "packages/perdure/src", "tests"]) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  for (const path of ["node_modules", "packages/perdure/node_modules"])
    symlinkSync(join(root, path), join(copy, path), "dir");
  for (const { file, from, to } of edits) {
    const path = join(copy, "packages/perdure/src/store/postgres", file);
    const text = readFileSync(path, "utf8");
    if (text.split(from).length !== 2)
      throw new Error(`"${bug}" cannot be planted: ${file} does not hold, once: ${from}`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
}

async function fire(copy: string, { seed, minutes }: Pick<PlantedRun, "seed" | "minutes">): Promise<string> {
  const args = ["tests/faults/run.ts", "--distributed", "--seed", String(seed), "--minutes", String(minutes)];
  const child = spawn(process.execPath, args, { cwd: copy, stdio: ["ignore", "pipe", "inherit"] });
  track(child);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child, "close");
  return output;
}
