/**
 * Serving over HTTP. Loaded when it is first asked for: the SDK behind it takes longer to load than all the rest
 * (160 to 280 ms), and a program that only submits, or a start after a crash, needs none of it.
 */
import type { RequestListener } from "node:http";
import { createHttpEndpoint, type HttpEndpoint } from "../wire/http/endpoint.ts";
import type { Authenticate } from "../wire/http/authenticate.ts";
import { guardFor } from "../wire/http/guard.ts";
import { nodeListener } from "../wire/http/listener.ts";
import { webRequest, webResponder } from "../wire/http/web.ts";
import type { Service } from "../wire/service.ts";
import { type MountOptions, toBodyLimits } from "./options.ts";

export { isLoopback } from "../wire/http/guard.ts";
export { listen } from "../wire/http/listener.ts";

/**
 * @param host that is listened on; `undefined` where the application is mounted on a server of somebody else's
 * @throws PerdureError `INVALID_OPTION` for a public address without `auth`, and limits that are no counts
 */
export function createEndpoint(
  service: Service,
  auth: Authenticate | undefined,
  host: string | undefined,
  options: MountOptions,
): HttpEndpoint {
  const { allowedHosts, allowedOrigins } = options;
  return createHttpEndpoint(
    service,
    guardFor(host, { auth, allowedHosts, allowedOrigins }),
    toBodyLimits(options),
  );
}

export function webHandler(endpoint: HttpEndpoint): (request: Request) => Promise<Response> {
  return async (request) => {
    const { responder, response } = webResponder(request);
    void endpoint.serve(webRequest(request), responder);
    return response;
  };
}

export function nodeHandler(endpoint: HttpEndpoint): RequestListener {
  return nodeListener(endpoint, undefined);
}
