/** Durable tools for a server that somebody already has. */
import type { McpServer } from "@modelcontextprotocol/server";
import type { PrincipalOf } from "../wire/attach/server.ts";
import type { Sdk1Server } from "../wire/attach/sdk-1.ts";
import { type App, localOwner } from "./app.ts";

/** `McpServer` of `@modelcontextprotocol/server` (SDK v2) or of `@modelcontextprotocol/sdk` (1.x). */
export interface AttachableServer {
  connect(transport: never): Promise<void>;
  registerTool: unknown;
  registerResource: unknown;
  readonly server: object;
}

/** What a server connects to. */
export type TransportOf<Server extends AttachableServer> = Parameters<Server["connect"]>[0];

export interface AttachOptions {
  /** The principal of an authenticated request. Without it such a request is refused; all others are `local`. */
  readonly principal?: PrincipalOf;
}

export interface Attachment<Server extends AttachableServer> {
  /**
   * The server's own transport with tasks before it: what it connects to instead. Without one, standard input and
   * output, whose end closes the application.
   */
  transport(inner?: TransportOf<Server>): TransportOf<Server>;
}

/**
 * Starts the application and puts its tools on a server that is not connected yet: as held calls, with the generated
 * tools beside them. Connected by `transport`, the server speaks of tasks too. (A server of SDK v2 that a function
 * makes for each request is served with everything by `app.listen`, `app.stdio` and the handlers, option `server`.)
 * @throws PerdureError `STORE_…`, `APP_CLOSED`
 */
export async function attach<Server extends AttachableServer>(
  server: Server,
  app: App,
  { principal }: AttachOptions = {},
): Promise<Attachment<Server>> {
  const target = server as unknown as McpServer | Sdk1Server;
  const { attachTo } = await import("../wire/attach/server.ts");
  const { StdioServerTransport } = await import("@modelcontextprotocol/server/stdio");
  const { claimStandardOutput } = await import("../wire/stdio/standard-output.ts");
  const service = app.service();
  const { logger } = service.runtime;
  const attached = attachTo(target, service, principal, localOwner);
  await app.start();
  return {
    transport: (inner) => {
      const transport =
        inner === undefined
          ? attached.transport(new StdioServerTransport(process.stdin, claimStandardOutput()), () => {
              app.close().catch((error: unknown) => logger.error({ err: error }, "could not close"));
            })
          : attached.transport(inner);
      return transport as TransportOf<Server>;
    },
  };
}
