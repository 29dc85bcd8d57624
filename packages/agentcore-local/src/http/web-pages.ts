/**
 * A page of the web that is open in a browser on this machine can send requests here as well: it would invoke programs
 * and move the clock. A browser says by `Origin` whose page it is.
 */
import { ServiceError } from "../service-error.ts";
import type { Request } from "./two-protocols.ts";

const loopback = /^(localhost|.+\.localhost|\[::1\]|127(\.\d{1,3}){3})$/;

/** @throws ServiceError `AccessDeniedException` for a page that this machine has not served */
export function refuseWebPages({ headers: { origin } }: Request): void {
  if (origin === undefined || loopback.test(URL.parse(origin)?.hostname ?? "")) return;
  throw new ServiceError(
    "AccessDeniedException",
    `Pages of ${origin.slice(0, 200)} may not ask agentcore-local.`,
  );
}
