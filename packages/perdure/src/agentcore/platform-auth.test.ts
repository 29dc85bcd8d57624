/** Who is let in behind a platform, and where such an application may listen. */
import { describe, expect, it } from "vitest";
import { testApp } from "../app/app.fixture.ts";
import { call, run } from "../wire/http/http.fixture.ts";
import { platformAuth } from "./platform-auth.ts";

/** Nobody here has signed it: the platform has looked at that. */
function token(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(claims)}.c2lnbmF0dXJl`;
}

const hour = 3_600;
const now = (): number => Math.floor(Date.now() / 1_000);
const principalOf = (header: string | undefined, options = {}) =>
  platformAuth(options)({
    method: "POST",
    path: "/mcp",
    header: (name) => (name === "authorization" ? header : undefined),
  });

describe("platformAuth", () => {
  it.each<[string, object, object, string | undefined]>([
    ["the subject", { sub: "ann", exp: now() + hour }, {}, "ann"],
    ["the claim that is named", { sub: "x", client_id: "lab" }, { claim: "client_id" }, "lab"],
    ["nobody without that claim", { client_id: "lab" }, {}, undefined],
    ["nobody of a claim that is no text", { sub: 7 }, {}, undefined],
    ["nobody when the token has expired", { sub: "ann", exp: now() - hour }, {}, undefined],
    ["nobody before the token begins", { sub: "ann", nbf: now() + hour }, {}, undefined],
    ["nobody of another issuer", { sub: "ann", iss: "https://b" }, { issuer: "https://a" }, undefined],
    ["the subject of the issuer", { sub: "ann", iss: "https://a" }, { issuer: "https://a" }, "ann"],
  ])("is %s", (_name, claims, options, principal) => {
    expect(principalOf(`Bearer ${token(claims)}`, options)).toBe(principal);
  });

  it.each(["Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", ""])("is nobody for %j", (header) => {
    expect(principalOf(header, { shared: "all" })).toBeUndefined();
  });

  it("is the shared principal without a token, where there is one", () => {
    expect(principalOf(undefined)).toBeUndefined();
    expect(principalOf(undefined, { shared: "callers" })).toBe("callers");
  });
});

describe("an application with it", () => {
  it("listens on a public address only with a hosting profile, and is mounted only with one", async () => {
    const refused = { code: "INVALID_OPTION", message: expect.stringContaining("Set hosting") as string };
    const app = testApp({ auth: platformAuth() });
    await expect(app.listen({ host: "0.0.0.0", port: 0 })).rejects.toMatchObject(refused);
    expect(() => app.fetchHandler()).toThrow(expect.objectContaining(refused) as Error);
  });

  it("knows callers by their tokens, whatever ids they write beside them", async () => {
    const { port } = await run({ auth: platformAuth(), hosting: "agentcore-runtime" });
    const url = `http://127.0.0.1:${port}/mcp`;
    const headers = (sub: string) => ({
      authorization: `Bearer ${token({ sub })}`,
      "mcp-session-id": "one-session-of-the-platform-0123456789",
      "x-amzn-bedrock-agentcore-runtime-user-id": "ann",
    });
    const whoami = await call(url, "whoami", {}, { headers: headers("eve") });
    expect(whoami.message.result?.structuredContent).toEqual({ owner: "eve" });
    expect((await call(url, "whoami")).status).toBe(401);
  });
});
