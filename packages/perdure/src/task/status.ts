/**
 * A task's status is MCP's own. `working` and `input_required` alternate; the other three are final.
 * Source: MCP extension `io.modelcontextprotocol/tasks`, 2026-07-28, "Task Status Lifecycle".
 */
export type OpenStatus = "working" | "input_required";
export type TerminalStatus = "completed" | "failed" | "cancelled";
export type TaskStatus = OpenStatus | TerminalStatus;

export const taskStatuses = [
  "working",
  "input_required",
  "completed",
  "failed",
  "cancelled",
] as const satisfies TaskStatus[];

export function isTerminal(status: TaskStatus): status is TerminalStatus {
  return status !== "working" && status !== "input_required";
}
