/** The progress of a call to a server of MCP, as stream events of the tool that Strands calls. */
import type { AsyncLocalStorage } from "node:async_hooks";
import type { McpClient, ToolContext, ToolStreamGenerator } from "@strands-agents/sdk";

/** What a tool's stream event holds in `data`. */
export interface ToolProgress {
  readonly type: "progress";
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

export type Report = (progress: ToolProgress) => void;
type McpTool = Awaited<ReturnType<McpClient["listTools"]>>[number];

const ended = () => "ended" as const;

/** The tool's own stream, with progress between its events. @param reports by which a call finds where it reports */
export function withProgress(tool: McpTool, reports: AsyncLocalStorage<Report>): McpTool["stream"] {
  const stream = tool.stream.bind(tool);
  return async function* streamWithProgress(context: ToolContext): ToolStreamGenerator {
    const { ToolStreamEvent } = await import("@strands-agents/sdk");
    const waiting: ToolProgress[] = [];
    let wake = Promise.withResolvers<void>();
    const report: Report = (progress) => {
      waiting.push(progress);
      wake.resolve();
    };
    const events = reports.run(report, () => stream(context));
    while (true) {
      const next = reports.run(report, async () => events.next());
      const over = next.then(ended, ended);
      while ((await Promise.race([wake.promise, over])) !== "ended") {
        wake = Promise.withResolvers();
        for (const data of waiting.splice(0)) yield new ToolStreamEvent({ data });
      }
      for (const data of waiting.splice(0)) yield new ToolStreamEvent({ data });
      const event = await next;
      if (event.done === true) return event.value;
      yield event.value;
    }
  };
}
