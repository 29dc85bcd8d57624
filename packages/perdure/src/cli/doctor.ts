/** `perdure doctor STORE`: what is large in a store, and why; what waits there for nothing; what to do about it. */
import type { StoreReport } from "../store/store-report.ts";
import { type ExitCode, exitCodes } from "./exit.ts";
import { type Output, printable } from "./output.ts";
import { explained, openStoreApp } from "./tasks/store-source.ts";

export async function doctor(store: string, out: Output): Promise<ExitCode> {
  const app = openStoreApp(store);
  try {
    const report = await explained(() => app.tasks.doctor());
    const findings = findingsIn(report);
    out.answer({ ...(report as unknown as Record<string, never>), findings }, textOf(report, findings));
    return exitCodes.ok;
  } finally {
    await app.close({ drainMs: 0 });
  }
}

function textOf(
  { location, file, tasks, kinds, tools, owners, oldestOpen }: StoreReport,
  findings: string[],
): string {
  const share = (name: string, count: number, bytes: number): string =>
    `  ${printable(name).padEnd(28)}${spoken(count).padStart(11)}${size(bytes).padStart(12)}`;
  const oldest =
    oldestOpen === undefined
      ? []
      : [
          `Oldest open task: ${oldestOpen.id} of ${oldestOpen.tool}, ${new Date(oldestOpen.createdAt).toISOString()}`,
        ];
  return [
    `${location}: ${size(file.bytes)}, of which ${size(file.freeBytes)} free; log ${size(file.walBytes)}`,
    `${spoken(tasks.open)} tasks are open, ${spoken(tasks.ended)} have ended, ${spoken(tasks.expired)} have expired and are to be deleted`,
    ...oldest.map(printable),
    "By kind",
    ...kinds.map(({ kind, count, bytes }) => share(kind, count, bytes)),
    "By tool",
    ...tools.map(({ tool, tasks: count, bytes }) => share(tool, count, bytes)),
    "By owner",
    ...owners.map(({ owner, tasks: count, bytes }) => share(owner, count, bytes)),
    ...(findings.length === 0
      ? ["Nothing is wrong."]
      : ["To look at", ...findings.map((line) => `  ${printable(line)}`)]),
  ].join("\n");
}

/** What an operator would want to know, and what he can do. */
function findingsIn({ location, file, tasks, withoutHandler, executes, paused }: StoreReport): string[] {
  const findings = paused.map(
    ({ tool, since }) =>
      `${tool} is paused since ${new Date(since).toISOString()}: perdure tasks resume STORE ${tool}`,
  );
  if (!executes && tasks.open > 0) findings.push("No process executes tasks of this store now: start one.");
  if (executes) {
    for (const { tool, version, tasks: count } of withoutHandler) {
      const of = version === undefined ? tool : `${tool}, version ${version}`;
      findings.push(`${spoken(count)} open tasks of ${of} have no handler in the process that executes.`);
    }
  }
  if (tasks.expired > 10_000) {
    findings.push(
      `${spoken(tasks.expired)} expired tasks wait to be deleted, which a process does that executes.`,
    );
  }
  if (!file.givesBack && file.freeBytes > 0) {
    findings.push(
      `The file was made without auto_vacuum: it never becomes smaller, and ${size(file.freeBytes)} of it are free. ` +
        `With every process stopped, and as much room beside it as it takes: ${vacuum(location)}`,
    );
  }
  if (file.walBytes > 64_000_000) {
    findings.push(`The log beside the file is ${size(file.walBytes)}: a process has been reading for long.`);
  }
  return findings;
}

/** For a shell; Node is there, where `sqlite3` may not be. */
function vacuum(location: string): string {
  const program =
    'new (require("node:sqlite").DatabaseSync)(process.argv[1]).exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")';
  const file = location.replace(/^sqlite:/, "").replaceAll("'", String.raw`'\''`);
  return `node -e '${program}' '${file}'`;
}

function spoken(count: number): string {
  return count.toLocaleString("en-US");
}

function size(bytes: number): string {
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
