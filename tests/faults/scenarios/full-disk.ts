/**
 * The disk full, by SQLite's own limit (`PRAGMA max_page_count`) and on a real, small file system. What was
 * acknowledged before stays, submits are refused as STORE_FULL, running tasks wait, and go on when there is space.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Arena, summary, type Verdict } from "../arena.ts";
import { track } from "../children.ts";
import { eventsOf } from "../journal.ts";
import type { Claim } from "../report.ts";
import type { Scenario, Stage } from "../scenario.ts";

export const fullDisk: Scenario = {
  name: "full disk",
  async run(stage) {
    const arena = new Arena(join(stage.folder, "pages"), { seed: stage.seed });
    const child = arena.spawn({ name: "f", work: nothing, space: { kind: "pages" } }, "full-disk");
    await arena.finish(child);
    const verdict = await arena.verdict();
    stage.report.claim(`no more pages (max_page_count): ${refusals(verdict)}: ${summary(verdict)}`, [
      ...fullness(verdict),
      ...verdict.reasons,
    ]);
    await onSmallDisk(stage);
  },
};

export const nothing = { kind: "list", items: [] } as const;

/** Ways to a file system of one's own that goes with its process: as root, and as anybody where that is allowed. */
const namespaces = [["-m"], ["-U", "-r", "-m"]] as const;

/** `$0` is where it is mounted, `$1` the Node that runs, the rest its arguments. */
const mountAndRun = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"';

async function onSmallDisk({ folder, seed, report }: Stage): Promise<void> {
  const [disk, scratch] = [join(folder, "disk"), join(folder, "small-disk")];
  for (const path of [disk, scratch]) mkdirSync(path, { recursive: true });
  const flags = namespaces.find(
    (tried) => spawnSync("unshare", [...tried, "sh", "-c", mountAndRun, disk, "true"]).status === 0,
  );
  if (flags === undefined) {
    report.note("SKIPPED: a small tmpfs (this user may not mount one: no `unshare`, or not allowed)");
    return;
  }
  const inside = fileURLToPath(new URL("small-disk.ts", import.meta.url));
  const order = [process.execPath, inside, disk, scratch, String(seed)];
  const child = spawn("unshare", [...flags, "sh", "-c", mountAndRun, disk, ...order], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  track(child);
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (told += text));
  const [code] = (await once(child, "close")) as [number | null];
  const claims = told.split("\n").filter((line) => line !== "");
  for (const line of claims) report.add(JSON.parse(line) as Claim);
  if (code !== 0 || claims.length === 0)
    report.claim("on a small tmpfs", [`the driver in there ended with ${code}`]);
}

/** A run that was never full, or in which nothing had to wait, would prove nothing. */
export function fullness({ events }: Verdict): readonly string[] {
  const codes = new Set(eventsOf(events, "refused").map((event) => event.code));
  const others = [...codes].filter((code) => code !== "STORE_FULL");
  return [
    ...(codes.size === 0 ? ["no submit was refused"] : []),
    ...others.map((code) => `a submit was refused as ${code}, not STORE_FULL`),
    ...(eventsOf(events, "phase").some(({ phase }) => phase === "still full, 0 open")
      ? ["no task had to wait"]
      : []),
  ];
}

export function refusals({ events }: Verdict): string {
  const count = eventsOf(events, "refused").filter((event) => event.code === "STORE_FULL").length;
  const phase = eventsOf(events, "phase").find((event) => event.phase.startsWith("still full"))?.phase;
  return `${count} submits refused as STORE_FULL${phase === undefined ? "" : `, ${phase}`}`;
}
