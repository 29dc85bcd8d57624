/** Knows no tasks, and waits: a plain call with `onprogress`, held open by the server. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { resultIn } from "../training.ts";
import { type ClientKind, tool } from "./client.ts";

export const heldCallClient: ClientKind = {
  label: "one call, held open",
  start: async (url, input, report) => {
    const client = new Client({ name: "demo-held", version: "1.0.0" });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), {
        // As the SDK does it, with more patience: by its default it gives up before a server has restarted.
        reconnectionOptions: {
          initialReconnectionDelay: 250,
          maxReconnectionDelay: 1_000,
          reconnectionDelayGrowFactor: 1.5,
          maxRetries: 40,
        },
      }),
    );
    const result = client.callTool(
      { name: tool, arguments: input },
      {
        onprogress: ({ progress, total, message }) => report({ done: progress, total, message }),
        resetTimeoutOnProgress: true,
      },
    );
    return { taskId: undefined, answeredMs: undefined, result: result.then(resultIn) };
  },
  // The call that was cut is still waited for: the client asks for the rest of its stream (`Last-Event-ID`).
  resume: (_url, training) => training.result,
};
