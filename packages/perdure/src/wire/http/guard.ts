/** Who may ask at all: Host and Origin (against DNS rebinding), and the principal. */
import { createHash, timingSafeEqual } from "node:crypto";
import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  validateHostHeader,
  validateOriginHeader,
} from "@modelcontextprotocol/server";
import { PerdureError, quote } from "../../task/errors.ts";
import { checkName } from "../../task/name.ts";
import type { HttpRequest } from "./request.ts";

/** What an authenticator sees of a request. */
export interface AuthRequest {
  readonly method: string;
  readonly path: string;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
}

/** The principal of a request; `undefined` where it has none: the request is answered 401. */
export type Authenticate = (request: AuthRequest) => string | undefined | Promise<string | undefined>;

/** Static bearer tokens, each with its principal. Compared in constant time; kept only as hashes. */
export function bearerTokens(principals: Readonly<Record<string, string>>): Authenticate {
  const known = Object.entries(principals).map(([token, principal]) => ({ hash: sha256(token), principal }));
  for (const { principal } of known) checkName(principal, "a principal");
  return (request) => {
    const match = /^Bearer +(\S+)$/i.exec(request.header("authorization") ?? "");
    if (match?.[1] === undefined) return undefined;
    const hash = sha256(match[1]);
    return known.find((candidate) => timingSafeEqual(candidate.hash, hash))?.principal;
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

export interface GuardSettings {
  readonly authenticate: Authenticate | undefined;
  /** Host names that a request may name; `undefined`: any (only with `authenticate`). */
  readonly allowedHosts: readonly string[] | undefined;
  /** Host names of pages that may ask. */
  readonly allowedOrigins: readonly string[];
}

/** The settings for an address. @throws PerdureError `INVALID_OPTION` for a public address without `auth`. */
export function guardFor(
  host: string,
  options: {
    readonly auth: Authenticate | undefined;
    readonly allowedHosts: readonly string[] | undefined;
    readonly allowedOrigins: readonly string[] | undefined;
  },
): GuardSettings {
  if (!isLoopback(host) && options.auth === undefined) {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `without auth only a loopback address can be listened on; ${quote(host)} came. ` +
        `Set auth, for example auth: bearerTokens({ [token]: principal }).`,
    });
  }
  return {
    authenticate: options.auth,
    allowedHosts: options.allowedHosts ?? (isLoopback(host) ? localhostAllowedHostnames() : undefined),
    allowedOrigins: options.allowedOrigins ?? localhostAllowedOrigins(),
  };
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

export type Admission =
  | { readonly principal: string | undefined }
  | {
      readonly status: 401 | 403;
      readonly message: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

export async function admit(request: HttpRequest, settings: GuardSettings): Promise<Admission> {
  if (settings.allowedHosts !== undefined) {
    const host = validateHostHeader(request.header("host"), [...settings.allowedHosts]);
    if (!host.ok) return { status: 403, message: host.message };
  }
  const origin = validateOriginHeader(request.header("origin"), [...settings.allowedOrigins]);
  if (!origin.ok) return { status: 403, message: origin.message };
  if (settings.authenticate === undefined) return { principal: undefined };
  const principal = await settings.authenticate(request);
  if (principal !== undefined) return { principal };
  return { status: 401, message: "Unauthorized", headers: { "www-authenticate": "Bearer" } };
}
