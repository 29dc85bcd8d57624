/**
 * Who a request is from, behind a platform that has let it in: AgentCore Runtime verifies the JSON Web Token of a caller
 * (`customJWTAuthorizer`) before any code runs, and hands it on in `Authorization` where that header is allow-listed. The
 * token is read here and not verified again, which is right behind such a platform and nowhere else; so an application
 * takes it only with a hosting profile that says where it is, or on loopback.
 *
 * The ids that come beside it, of session and user, are whatever the caller wrote: they say nothing about who it is.
 */
import { PerdureError } from "../task/errors.ts";
import { checkName } from "../task/name.ts";
import type { Authenticate } from "../wire/http/authenticate.ts";

export interface PlatformAuthOptions {
  /** The claim of the token that is the principal. Default `sub`. */
  readonly claim?: string;
  /** Another issuer's token is refused. Default: any that the platform has taken. */
  readonly issuer?: string;
  /**
   * The one principal of all callers whose requests carry no token: those that IAM lets in, of whom the platform says
   * nothing. All of them see the tasks of all. Default: such a request is refused.
   */
  readonly shared?: string;
}

/** @throws PerdureError `INVALID_OPTION` */
export function platformAuth(options: PlatformAuthOptions = {}): Authenticate {
  const { claim = "sub", issuer, shared } = options;
  if (claim === "") throw new PerdureError("INVALID_OPTION", { message: `claim must be a name; "" came.` });
  if (shared !== undefined) checkName(shared, "shared");
  const authenticate: Authenticate = (request) => {
    const header = request.header("authorization");
    if (header === undefined) return shared;
    const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(header) ?? [];
    const claims = token === undefined ? undefined : claimsOf(token);
    if (claims === undefined || !isNow(claims, Date.now() / 1_000)) return undefined;
    if (issuer !== undefined && claims["iss"] !== issuer) return undefined;
    const principal = claims[claim];
    return typeof principal === "string" && principal !== "" ? principal : undefined;
  };
  return Object.assign(authenticate, { behindPlatform: true as const });
}

function claimsOf(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A platform's clock may differ by a little. */
const toleranceSeconds = 60;

function isNow({ exp, nbf }: Readonly<Record<string, unknown>>, now: number): boolean {
  if (typeof exp === "number" && exp + toleranceSeconds < now) return false;
  return !(typeof nbf === "number" && nbf - toleranceSeconds > now);
}
