/** MCP of both generations on standard input and output, or on any pair of streams. */
import type { Readable, Writable } from "node:stream";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { createSdkServer } from "../sdk-server.ts";
import type { Caller, Service } from "../service.ts";
import { type ConnectionEvents, FrontTransport } from "./front-transport.ts";
import { claimStandardOutput } from "./standard-output.ts";

export interface StdioStreams {
  /** Default: standard input. */
  readonly input?: Readable;
  /** Default: standard output. Then whatever else this process writes there goes to standard error. */
  readonly output?: Writable;
}

export interface StdioConnection {
  close(): Promise<void>;
}

export function serveOnStdio(
  service: Service,
  caller: Caller,
  { input = process.stdin, output }: StdioStreams,
  events: ConnectionEvents,
): StdioConnection {
  const claimed = output === undefined ? claimStandardOutput() : undefined;
  const inner = new StdioServerTransport(input, output ?? claimed);
  const transport = new FrontTransport(inner, service, { callerOf: () => caller, ...events });
  const { logger } = service.runtime;
  const connection = serveStdio(
    ({ era }) =>
      createSdkServer(service, {
        generation: era === "modern" ? "2026" : "2025",
        callerOf: () => ({ ...caller, clientName: transport.clientName }),
      }),
    { transport, onerror: (error) => logger.warn({ err: error }, "trouble on standard input or output") },
  );
  return {
    close: async () => {
      await connection.close();
      claimed?.end();
    },
  };
}
