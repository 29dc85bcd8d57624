/** `perdure tasks …`: one look, or a standing one, at the tasks of a store or a server. */
import { isTerminal, type TaskStatus } from "../../task/status.ts";
import { bar, type Report } from "../bar.ts";
import type { Credentials } from "../connection.ts";
import { type ExitCode, exitCodes } from "../exit.ts";
import { type Output, printable } from "../output.ts";
import { progressLine, silentLine } from "../progress-line.ts";
import { ServerSource } from "./server-source.ts";
import type { ListQuery, TaskNews, TaskSource, TaskView } from "./source.ts";
import { openStoreSource } from "./store-source.ts";

export { artifact, artifacts } from "./artifacts.ts";

/** A URL, or else the file of a store. */
export function openSource(
  where: string,
  { artifacts: place, ...credentials }: Credentials & { readonly artifacts?: string },
): TaskSource {
  return /^https?:/i.test(where) ? new ServerSource(where, credentials) : openStoreSource(where, place);
}

export async function list(source: TaskSource, query: ListQuery, out: Output): Promise<ExitCode> {
  const tasks = await source.list(query);
  out.answer([...tasks], tasks.length === 0 ? "There are no tasks." : tasks.map(row).join("\n"));
  return exitCodes.ok;
}

export async function show(source: TaskSource, id: string, out: Output): Promise<ExitCode> {
  const task = await source.show(id);
  out.answer(task, Object.entries(task).map(field).join("\n"));
  return exitCodes.ok;
}

export async function watch(source: TaskSource, id: string, out: Output): Promise<ExitCode> {
  const live = out.json ? silentLine : progressLine(id);
  try {
    for await (const news of source.watch(id)) {
      if (news.type === "progress" && !out.json) live.report(news as unknown as Report);
      else live.beside(() => out.line(news, newsText(news)));
    }
  } finally {
    live.stop();
  }
  return exitCodeOf((await source.show(id)).status);
}

export async function result(source: TaskSource, id: string, out: Output): Promise<ExitCode> {
  const { status, document, text } = await source.result(id);
  out.answer(document, text);
  return exitCodeOf(status);
}

export async function cancel(
  source: TaskSource,
  id: string,
  reason: string | undefined,
  out: Output,
): Promise<ExitCode> {
  const cancelled = await source.cancel(id, reason);
  const { status } = await source.show(id);
  const text = cancelled ? `Task ${id} is cancelled.` : `Task ${id} had already ended: it is ${status}.`;
  out.answer({ task_id: id, cancelled, status }, text);
  return exitCodes.ok;
}

export function exitCodeOf(status: TaskStatus): ExitCode {
  if (!isTerminal(status)) return exitCodes.unfinished;
  return status === "completed" ? exitCodes.ok : exitCodes.failed;
}

function row({ task_id, status, created_at, tool, progress }: TaskView): string {
  const done = progress === undefined || isTerminal(status) ? "" : `  ${printable(bar(progress))}`;
  return `${task_id}  ${status.padEnd(14)}  ${created_at}  ${printable(tool)}${done}`;
}

function field([name, value]: [string, unknown]): string {
  if (name === "timeline" && Array.isArray(value)) {
    return ["timeline", ...value.map((event) => `  ${newsText(event as TaskNews)}`)].join("\n");
  }
  const text =
    name === "progress" ? bar(value as Report) : typeof value === "string" ? value : JSON.stringify(value);
  return `${name.padEnd(12)}${printable(text)}`;
}

function newsText({ type, at, ...rest }: TaskNews): string {
  const details = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return printable([...(typeof at === "string" ? [at] : []), type, ...details].join("  "));
}
