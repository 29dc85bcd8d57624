/**
 * The driver on a small file system, run in a mount namespace of its own: `small-disk.ts <disk> <scratch> <seed>`.
 * Prints its claims as lines of JSON for the driver outside.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Arena, describeExit, summary } from "../arena.ts";
import { eventsOf } from "../journal.ts";
import type { Claim } from "../report.ts";
import { fullness, nothing, refusals } from "./full-disk.ts";

const [disk = "", scratch = "", seed = "1"] = process.argv.slice(2);
const ballast = join(disk, "ballast");
const space = { kind: "ballast", file: ballast } as const;
/** A process that starts on a full disk either says so and ends, or waits. */
const startMs = 2_000;

function claim(text: string, reasons: readonly string[]): void {
  const told: Claim = { text, holds: reasons.length === 0, reasons };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

async function waitsForSpace(): Promise<void> {
  const arena = new Arena(join(scratch, "waits"), { seed: Number(seed), storeFolder: join(disk, "waits") });
  await arena.finish(arena.spawn({ name: "f", work: nothing, space }, "full-disk"));
  const verdict = await arena.verdict();
  claim(`a full tmpfs: ${refusals(verdict)}: ${summary(verdict)}`, [
    ...fullness(verdict),
    ...verdict.reasons,
  ]);
}

async function killedWhenFull(): Promise<void> {
  const arena = new Arena(join(scratch, "killed"), { seed: Number(seed), storeFolder: join(disk, "killed") });
  const first = arena.spawn({ name: "f", work: nothing, space, dieWhenFull: true }, "full-disk");
  arena.expectKilled(await first.exitWithin(30_000), "when full");
  const second = arena.spawn({ name: "f", work: nothing });
  const exit = await second.exitWithin(startMs);
  const how =
    exit === undefined
      ? "waited"
      : exit.signal === null && exit.stderr.includes("STORE_FULL")
        ? "said STORE_FULL"
        : undefined;
  if (how === undefined) arena.mishap(`started on a full disk: ${describeExit(exit)}`);
  await second.kill();
  rmSync(ballast);
  await arena.finish(arena.spawn({ name: "f", work: nothing }));
  const verdict = await arena.verdict();
  const refused = eventsOf(verdict.events, "refused").length;
  claim(
    `killed while a tmpfs was full (${refused} submits refused), started again while it was (it ${how}), and again ` +
      `with space: ${summary(verdict)}`,
    verdict.reasons,
  );
}

await waitsForSpace();
await killedWhenFull();
