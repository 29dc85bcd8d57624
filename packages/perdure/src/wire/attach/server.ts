/**
 * Durable tools on a server that somebody already has, of SDK v2 or 1.x.
 *
 * By public API alone every tool is a held call there, with progress, hand-over and the generated tools beside it.
 * Tasks are messages that no server of the SDK lets a tool answer: for them our fronts stand before the server, as a
 * transport around its own. Only a server connected to that one tells clients of tasks.
 */
import type { AuthInfo, McpServer, ServerContext, Transport } from "@modelcontextprotocol/server";
import { PerdureError } from "../../task/errors.ts";
import { checkName } from "../../task/name.ts";
import { registerOn } from "../sdk-server.ts";
import type { Caller, Service } from "../service.ts";
import { namedByHeaders } from "../session/named-ids.ts";
import { FrontTransport } from "../stdio/front-transport.ts";
import { likeSdk2, type Sdk1Server } from "./sdk-1.ts";

export interface AttachedServer {
  /** Our fronts around a transport, to be connected to this server. */
  transport(inner: Transport, onEnd?: () => void): Transport;
}

/** Whose tasks a request may see, going by what its token was verified to say. */
export type PrincipalOf = (authInfo: AuthInfo) => string;

/** Puts everything on the server, which is not connected yet. */
export function attachTo(
  server: McpServer | Sdk1Server,
  service: Service,
  principalOf: PrincipalOf | undefined,
  localOwner: string,
): AttachedServer {
  const ownerOf = (authInfo: AuthInfo | undefined): string => {
    if (authInfo === undefined) return localOwner;
    if (principalOf !== undefined) {
      const owner = principalOf(authInfo);
      // A claim that a token lacks is nobody: to the record, no owner is the operator, who sees everything.
      checkName(owner, "the principal of a request");
      return owner;
    }
    throw new PerdureError("INVALID_OPTION", {
      message: "a request was authenticated: tell attach whose tasks it may see, by the option principal.",
    });
  };
  const callerOf = (authInfo: AuthInfo | undefined, request?: Request, clientName?: string): Caller => ({
    owner: ownerOf(authInfo),
    // Who may reach a server that listens is not known here.
    trusted: authInfo === undefined && request === undefined,
    session: undefined,
    named:
      request &&
      namedByHeaders(service.settings.session.headers, (name) => request.headers.get(name) ?? undefined),
    clientName,
    headers: {},
  });
  // There is no other way on 2025, and in SDK 1.x.
  // oxlint-disable-next-line typescript/no-deprecated
  const clientName = (): string | undefined => (server as McpServer).server.getClientVersion()?.name;
  registerOn(isSdk1(server) ? likeSdk2(server) : server, service, {
    callerOf: ({ http }: ServerContext) => callerOf(http?.authInfo, http?.req, clientName()),
  });
  return {
    transport: (inner, onEnd) => {
      const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };
      (server as McpServer).server.registerCapabilities({ tasks });
      return new FrontTransport(inner, service, {
        callerOf: (extra) => callerOf(extra?.authInfo, extra?.request),
        markTools: new Set(service.tasks.keys()),
        ...(onEnd !== undefined && { onEnd }),
      });
    },
  };
}

/** SDK v2 has left the short forms behind. */
function isSdk1(server: object): server is Sdk1Server {
  return "tool" in server && typeof server.tool === "function";
}
