/** The gateways' place in HTTP: `/gateways/NAME/mcp`, where AWS has a host name for each. */
import { z } from "zod";
import { type Operation, operation } from "../operation.ts";
import { headerOf } from "../runtime/allow-list.ts";
import { notFound, ServiceError } from "../service-error.ts";
import type { Gateway } from "./gateway.ts";

const Named = z.object({ gateway: z.string() });
const path = "/gateways/{gateway}/mcp";
const metadataPath = "/.well-known/oauth-protected-resource";

export function gatewayOperations(gateways: readonly Gateway[], address: () => string): Operation[] {
  const find = (name: string): Gateway => {
    const found = gateways.find((gateway) => gateway.name === name);
    if (found === undefined) throw notFound("There is no such gateway.");
    return found;
  };
  return [
    operation({
      name: "InvokeGateway",
      method: "POST",
      path,
      body: "raw",
      input: Named,
      run: async (input, signal, request) => {
        const gateway = find(input.gateway);
        const metadataUrl = `${gateway.urlAt(address())}${metadataPath}`;
        await gateway.authorizer?.check(headerOf(request, "authorization"), metadataUrl);
        return gateway.forward(request, signal);
      },
    }),
    ...(["GET", "DELETE"] as const).map((method) =>
      operation({
        name: "InvokeGateway",
        method,
        path,
        body: "raw",
        input: Named,
        run: () => {
          throw new ServiceError(
            "MethodNotAllowedException",
            "A gateway is called by POST.",
            {},
            { allow: "POST" },
          );
        },
      }),
    ),
    operation({
      name: "GetProtectedResourceMetadata",
      method: "GET",
      path: `${path}${metadataPath}`,
      input: Named,
      run: (input) => {
        const gateway = find(input.gateway);
        const server = gateway.authorizer?.authorizationServer;
        if (server === undefined) throw notFound(`The gateway ${gateway.name} wants no token.`);
        return { body: { resource: gateway.urlAt(address()), authorization_servers: [server] } };
      },
    }),
  ];
}
