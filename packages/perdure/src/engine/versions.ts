/**
 * Which handler runs a task of an earlier version of its tool, or of a later one: in a rolling deployment both are
 * there. A task keeps the version that its tool had when it was made; `""` stands for none.
 */
import type { ToolVersions } from "../store/store.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { TaskTool, ThreadHandler } from "./tool.ts";

/** The tool as a task of this version has it. */
export function toolOfVersion(tool: TaskTool, version = ""): TaskTool {
  if (version === tool.version) return tool;
  const other = tool.versions.get(version);
  if (other !== undefined) return { ...tool, ...other };
  if (tool.onOtherVersion !== "fail") return tool;
  return { ...tool, parseInput: async () => Promise.reject(unknownVersion(tool, version)) };
}

/** The handlers of a tool that run in threads, of all its versions. */
export function threadHandlers(tool: Pick<TaskTool, "handler" | "versions">): readonly ThreadHandler[] {
  const handlers = [tool, ...tool.versions.values()].map(({ handler }) => handler);
  return handlers.filter((handler) => typeof handler !== "function");
}

/** The versions that tools take, of those that do not take every one. */
export function takenVersions(tools: Iterable<TaskTool>): ToolVersions {
  const taken: Record<string, readonly string[]> = {};
  for (const tool of tools) {
    const versions = versionsOf(tool);
    if (versions !== undefined) taken[tool.name] = versions;
  }
  return taken;
}

/** `undefined` where every version is taken. */
export function versionsOf(tool: TaskTool): readonly string[] | undefined {
  return tool.onOtherVersion === "wait" ? [tool.version, ...tool.versions.keys()] : undefined;
}

function unknownVersion({ name, version, versions }: TaskTool, came: string): PerdureError {
  const known = [version, ...versions.keys()].map(spoken).join(", ");
  return new PerdureError("UNKNOWN_VERSION", {
    message: `the task is of ${spoken(came)} of ${name}, which now runs ${known} only. Start it again.`,
  });
}

export function spoken(version: string): string {
  return version === "" ? "no version" : `version ${quote(version)}`;
}
