/** `resources/read` of a whole result, where a call was given a summary of it. */
import { ResourceNotFoundError, ResourceTemplate } from "@modelcontextprotocol/server";
import type { TaskId } from "../task/id.ts";
import { resultUri } from "./call/tool-result.ts";
import type { SdkServerOptions, ToolServer } from "./sdk-server.ts";
import type { Service } from "./service.ts";

export function registerResults(server: ToolServer, service: Service, options: SdkServerOptions): void {
  const template = new ResourceTemplate(resultUri("{taskId}"), { list: undefined });
  server.registerResource(
    "task-result",
    template,
    { description: "The whole result of a completed task.", mimeType: "application/json" },
    async (uri, { taskId }, context) => {
      const { owner } = options.callerOf(context);
      const task = await service.runtime.store.get({ taskId: String(taskId) as TaskId, owner });
      if (task?.status !== "completed") throw new ResourceNotFoundError(uri.href);
      const text = typeof task.result === "string" ? task.result : JSON.stringify(task.result ?? null);
      return { contents: [{ uri: uri.href, mimeType: "application/json", text }] };
    },
  );
}
