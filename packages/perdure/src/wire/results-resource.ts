/** `resources/read` of a whole result, where a call was given a summary of it. */
import { ResourceNotFoundError, ResourceTemplate } from "@modelcontextprotocol/server";
import type { TaskId } from "../task/id.ts";
import { resultUri, wholeResult } from "./call/tool-result.ts";
import type { SdkServerOptions, ToolServer } from "./sdk-server.ts";
import type { Service } from "./service.ts";

export function registerResults(server: ToolServer, service: Service, options: SdkServerOptions): void {
  const template = new ResourceTemplate(resultUri("{taskId}"), { list: undefined });
  server.registerResource(
    "task-result",
    template,
    { description: "The whole result of a completed task." },
    async (uri, { taskId }, context) => {
      const { owner } = options.callerOf(context);
      const task = await service.runtime.store.get({ taskId: String(taskId) as TaskId, owner });
      if (task?.status !== "completed") throw new ResourceNotFoundError(uri.href);
      service.runtime.endGiven(task);
      return { contents: [{ uri: uri.href, ...wholeResult(task.result) }] };
    },
  );
}
