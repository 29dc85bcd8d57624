/**
 * Who may call, where a runtime or a gateway has `customJWTAuthorizer`: holders of a token that its issuer signed. Tokens
 * are of the real world, and so is the time that they are judged by, whatever the platform's clock says.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { z } from "zod";
import { ServiceError } from "./service-error.ts";

/** As AWS names them; `jwks` and `issuer` instead of `discoveryUrl` where there is no server to ask. */
export const JwtAuthorizer = z
  .strictObject({
    discoveryUrl: z.url().optional(),
    issuer: z.string().optional(),
    jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }).optional(),
    allowedAudience: z.array(z.string()).optional(),
    allowedClients: z.array(z.string()).optional(),
    allowedScopes: z.array(z.string()).optional(),
  })
  .refine(({ discoveryUrl, jwks }) => (discoveryUrl === undefined) !== (jwks === undefined), {
    message: "exactly one of discoveryUrl and jwks is wanted",
  });

export type JwtAuthorizerOptions = z.input<typeof JwtAuthorizer>;

interface Issuer {
  readonly keys: JWTVerifyGetKey;
  readonly name: string | undefined;
}

const wellKnown = "/.well-known/openid-configuration";

export class Authorizer {
  readonly #options: z.output<typeof JwtAuthorizer>;
  #issuer: Promise<Issuer> | undefined;

  constructor(options: z.output<typeof JwtAuthorizer>) {
    this.#options = options;
  }

  /** Where tokens are had, as the metadata of the protected resource names it. */
  get authorizationServer(): string | undefined {
    const { issuer, discoveryUrl } = this.#options;
    return issuer ?? discoveryUrl?.replace(wellKnown, "");
  }

  /**
   * @param metadataUrl what a caller without a token is told to read (RFC 9728)
   * @throws ServiceError `UnauthorizedException` (401) without a valid token, `AccessDeniedException` (403) with one that
   *   is for something else
   */
  async check(authorization: string | undefined, metadataUrl: string): Promise<void> {
    const [scheme, token] = authorization?.split(" ") ?? [];
    if (scheme?.toLowerCase() !== "bearer" || token === undefined)
      throw unauthorized("A bearer token is wanted.", metadataUrl);
    const issuer = await this.#found();
    let claims: JWTPayload;
    try {
      const expected = issuer.name === undefined ? {} : { issuer: issuer.name };
      claims = (await jwtVerify(token, issuer.keys, expected)).payload;
    } catch (error) {
      // What is wrong with the token, in the words of jose: a code, and nothing of the token.
      const said = error instanceof errors.JOSEError ? error.code : "unknown";
      throw unauthorized(`The bearer token is not valid (${said}).`, metadataUrl);
    }
    this.#checkClaims(claims);
  }

  #checkClaims(claims: JWTPayload & { readonly client_id?: unknown; readonly scope?: unknown }): void {
    const { allowedAudience, allowedClients, allowedScopes } = this.#options;
    const has = (allowed: readonly string[] | undefined, found: readonly unknown[]): boolean =>
      allowed === undefined || allowed.some((one) => found.includes(one));
    const scopes = typeof claims.scope === "string" ? claims.scope.split(" ") : [];
    if (!has(allowedAudience, [claims.aud].flat())) throw denied("audience (aud)");
    if (!has(allowedClients, [claims.client_id])) throw denied("client (client_id)");
    if (!has(allowedScopes, scopes)) throw denied("scope");
  }

  /** Asked for at the first call, and again after a failure. */
  #found(): Promise<Issuer> {
    this.#issuer ??= discover(this.#options).catch((cause: unknown) => {
      this.#issuer = undefined;
      const error = new ServiceError(
        "InternalServerException",
        "The keys of the token's issuer cannot be read.",
      );
      error.cause = cause;
      throw error;
    });
    return this.#issuer;
  }
}

async function discover({ discoveryUrl, jwks, issuer }: z.output<typeof JwtAuthorizer>): Promise<Issuer> {
  if (jwks !== undefined) return { keys: createLocalJWKSet(jwks), name: issuer };
  const response = await fetch(discoveryUrl ?? "", { signal: AbortSignal.timeout(10_000) });
  const found = z.object({ issuer: z.string(), jwks_uri: z.url() }).parse(await response.json());
  return { keys: createRemoteJWKSet(new URL(found.jwks_uri)), name: issuer ?? found.issuer };
}

function unauthorized(message: string, metadataUrl: string): ServiceError {
  const challenge = { "www-authenticate": `Bearer resource_metadata="${metadataUrl}"` };
  return new ServiceError("UnauthorizedException", message, {}, challenge);
}

function denied(what: string): ServiceError {
  return new ServiceError(
    "AccessDeniedException",
    `The token is valid, but its ${what} is not allowed here.`,
  );
}
