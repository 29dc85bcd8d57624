/** Who may ask at all: Host and Origin (against DNS rebinding), and the principal. */
import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  validateHostHeader,
  validateOriginHeader,
} from "@modelcontextprotocol/server";
import type { Logger } from "../../engine/logger.ts";
import { PerdureError, quote } from "../../task/errors.ts";
import { checkName } from "../../task/name.ts";
import type { Authenticate } from "./authenticate.ts";
import type { HttpRequest } from "./request.ts";

export interface GuardSettings {
  readonly authenticate: Authenticate | undefined;
  /** Host names that a request may name; `undefined`: any (only with `authenticate`). */
  readonly allowedHosts: readonly string[] | undefined;
  /** Host headers that were found right: to see it the SDK parses a URL, and a client sends the same one each time. */
  readonly rightHosts: Set<string>;
  /** Host names of pages that may ask. */
  readonly allowedOrigins: readonly string[];
}

/**
 * The settings for an address. @param host `undefined`: it is mounted on a server whose address is not known.
 * @throws PerdureError `INVALID_OPTION` for a public address without `auth`.
 */
export function guardFor(
  host: string | undefined,
  options: {
    readonly auth: Authenticate | undefined;
    readonly allowedHosts: readonly string[] | undefined;
    readonly allowedOrigins: readonly string[] | undefined;
  },
): GuardSettings {
  const local = host === undefined ? options.auth === undefined : isLoopback(host);
  if (!local && options.auth === undefined) {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `without auth only a loopback address can be listened on; ${quote(host)} came. ` +
        `Set auth, for example auth: bearerTokens({ [token]: principal }).`,
    });
  }
  const own = host === undefined ? [] : [host];
  return {
    authenticate: options.auth,
    allowedHosts: (
      options.allowedHosts ?? (local ? [...localhostAllowedHostnames(), ...own] : undefined)
    )?.map(toHostname),
    rightHosts: new Set(),
    allowedOrigins: (options.allowedOrigins ?? localhostAllowedOrigins()).map(toHostname),
  };
}

export function isLoopback(host: string): boolean {
  return /^(localhost|::1|\[::1\]|(::ffff:)?127(\.\d{1,3}){3})$/i.test(host);
}

/** As URLs have it, which is how headers are compared. */
function toHostname(host: string): string {
  const name = host.toLowerCase();
  return /^[\da-f.]*:[\da-f:.]*:[\da-f:.]*$/.test(name) ? `[${name}]` : name;
}

export type Admission =
  | { readonly principal: string | undefined }
  | {
      readonly status: 401 | 403;
      readonly message: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

export async function admit(
  request: HttpRequest,
  settings: GuardSettings,
  logger: Logger,
): Promise<Admission> {
  if (settings.allowedHosts !== undefined) {
    const problem = hostProblem(request.header("host"), settings.allowedHosts, settings.rightHosts);
    if (problem !== undefined) return { status: 403, message: problem };
  }
  const origin = validateOriginHeader(request.header("origin"), [...settings.allowedOrigins]);
  if (!origin.ok) return { status: 403, message: origin.message };
  if (settings.authenticate === undefined) {
    // Mounted on a server that listens on a public address; its Host header is whatever the client says.
    return request.peer === undefined || isLoopback(request.peer)
      ? { principal: undefined }
      : { status: 403, message: "Without authentication only this machine is served" };
  }
  const principal = await authenticated(request, settings.authenticate, logger);
  if (principal !== undefined) return { principal };
  return { status: 401, message: "Unauthorized", headers: { "www-authenticate": "Bearer" } };
}

const maxRightHosts = 100;

function hostProblem(
  header: string | undefined,
  allowed: readonly string[],
  right: Set<string>,
): string | undefined {
  if (header !== undefined && right.has(header)) return undefined;
  const host = validateHostHeader(header, [...allowed]);
  if (!host.ok) return host.message;
  if (header !== undefined && right.size < maxRightHosts) right.add(header);
  return undefined;
}

/** What an authenticator throws may quote the token: only its kind is logged. */
async function authenticated(
  request: HttpRequest,
  authenticate: Authenticate,
  logger: Logger,
): Promise<string | undefined> {
  try {
    const principal: unknown = await authenticate({
      method: request.method,
      path: request.path,
      header: (name) => request.header(name),
    });
    if (principal === undefined || principal === null) return undefined;
    checkName(principal as string, "the principal that auth returns");
    return principal as string;
  } catch (error) {
    if (error instanceof PerdureError)
      logger.error({ code: error.code }, "auth returned what is no principal");
    else logger.warn({ error: kindOf(error) }, "auth threw; the request is answered 401");
    return undefined;
  }
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" || typeof code === "number" ? `${error.name} ${code}` : error.name;
}
