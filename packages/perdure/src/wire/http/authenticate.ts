/** Who a request is from. Nothing of the SDK is loaded here: an application names its authenticator at its start. */
import { createHash, timingSafeEqual } from "node:crypto";
import { PerdureError, quote } from "../../task/errors.ts";
import { checkName } from "../../task/name.ts";

/** What an authenticator sees of a request. */
export interface AuthRequest {
  readonly method: string;
  readonly path: string;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
}

/**
 * The principal of a request; `undefined` where it has none: the request is answered 401. So is one for which it
 * throws, as the libraries do that verify tokens.
 */
export type Authenticate = ((request: AuthRequest) => string | undefined | Promise<string | undefined>) & {
  /** It believes what a platform in front has verified, and must not stand where there is none. */
  readonly behindPlatform?: true;
};

/**
 * Static bearer tokens, each with its principal. Compared in constant time; kept only as hashes.
 * @throws PerdureError `INVALID_OPTION` for what is no token: a variable that was not set is not to let everybody in.
 */
export function bearerTokens(principals: Readonly<Record<string, string>>): Authenticate {
  const known = Object.entries(principals).map(([token, principal]) => {
    if (!/^\S+$/.test(token) || token === "undefined" || token === "null") {
      throw new PerdureError("INVALID_OPTION", {
        message: `the bearer token of ${quote(principal)} is empty, has a space in it, or is a variable that was not set.`,
      });
    }
    checkName(principal, "a principal");
    return { hash: sha256(token), principal };
  });
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
