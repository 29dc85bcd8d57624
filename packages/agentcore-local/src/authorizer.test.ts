/** Callers with tokens, of an issuer that is asked for its keys as on AWS. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentCoreLocal } from "./local.ts";
import { type Heard, Bench } from "./runtime/runtime.fixture.ts";

let issuer: string;
let server: Server;
let signing: CryptoKey;
let bench: Bench;
let local: AgentCoreLocal;

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  signing = privateKey;
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256" }] };
  server = createServer((request, response) => {
    const found = request.url === "/keys" ? jwks : { issuer, jwks_uri: `${issuer}/keys` };
    response.end(JSON.stringify(found));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  bench = await Bench.start({
    requestHeaderAllowlist: ["Authorization"],
    customJWTAuthorizer: {
      discoveryUrl: `${issuer}/.well-known/openid-configuration`,
      allowedAudience: ["agents"],
      allowedClients: ["console"],
      allowedScopes: ["invoke", "admin"],
    },
  });
  local = bench.local;
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  server.close();
});

const good = { client_id: "console", scope: "read invoke" };

function token(
  claims: Record<string, unknown> = {},
  audience = "agents",
  expires = "1h",
  by = issuer,
): Promise<string> {
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "k" })
    .setIssuer(by)
    .setAudience(audience)
    .setExpirationTime(expires)
    .sign(signing);
}

async function call(authorization?: string): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    ...(authorization !== undefined && { authorization }),
  };
  return fetch(local.runtime("agent").url, { method: "POST", body: "{}", headers });
}

test("a valid token opens, and reaches the program where Authorization is listed", async () => {
  const bearer = `Bearer ${await token()}`;
  const answer = await call(bearer);
  expect(answer.status).toBe(200);
  expect(((await answer.json()) as Heard).headers).toMatchObject({ authorization: bearer });
});

test("without one, the caller is told where tokens are had", async () => {
  const refused = await call();
  expect(refused.status).toBe(401);
  expect(refused.headers.get("x-amzn-errortype")).toBe("UnauthorizedException");
  const [, metadataUrl = ""] =
    /^Bearer resource_metadata="(.+)"$/.exec(refused.headers.get("www-authenticate") ?? "") ?? [];
  expect(await (await fetch(metadataUrl)).json()).toEqual({
    resource: local.runtime("agent").url,
    authorization_servers: [issuer],
  });
});

test("the signature of an AWS SDK is no token", async () => {
  await expect(bench.send({})).rejects.toMatchObject({ $metadata: { httpStatusCode: 401 } });
  await expect(bench.stop("s".repeat(33))).rejects.toMatchObject({ name: "UnauthorizedException" });
});

test.each([
  ["expired", () => token({}, "agents", "-1h"), 401],
  ["of another issuer", () => token({}, "agents", "1h", "https://other"), 401],
  ["no token at all", () => Promise.resolve("x"), 401],
  ["for another audience", () => token({}, "others"), 403],
  ["of another client", () => token({ client_id: "other" }), 403],
  ["without a scope", () => token({ scope: "read" }), 403],
])("a token that is %s", async (_name, make, status) => {
  const answer = await call(`Bearer ${await make()}`);
  expect(answer.status).toBe(status);
  await answer.text();
});

test("a token that another key signed", async () => {
  const { privateKey } = await generateKeyPair("RS256");
  const forged = await new SignJWT(good)
    .setProtectedHeader({ alg: "RS256", kid: "k" })
    .setIssuer(issuer)
    .sign(privateKey);
  expect((await call(`Bearer ${forged}`)).status).toBe(401);
});

test("keys can be given instead of an address", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "own" }] } as never;
  await using given = await Bench.start({ customJWTAuthorizer: { jwks, issuer: "me" } });
  const signed = await new SignJWT({})
    .setProtectedHeader({ alg: "ES256", kid: "own" })
    .setIssuer("me")
    .sign(privateKey);
  const headers = { authorization: `Bearer ${signed}` };
  expect((await fetch(given.local.runtime("agent").url, { method: "POST", headers })).status).toBe(200);
});
