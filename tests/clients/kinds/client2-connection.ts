/** A client of `@modelcontextprotocol/client` 2.4 on 2026-07-28, whose person is asked by its own handlers. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type Access, type Person, sampled } from "../client.ts";
import { capabilitiesOf } from "./tools-client.ts";

export function client2(name: string, person?: Person): Client {
  const client = new Client(
    { name, version: "1.0.0" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } }, capabilities: capabilitiesOf(person) },
  );
  if (person === undefined) return client;
  client.setRequestHandler("elicitation/create", async ({ params }) => ({
    ...(await person.answer(params.message)),
  }));
  const { model } = person;
  if (model !== undefined) client.setRequestHandler("sampling/createMessage", () => sampled(model));
  return client;
}

export function transport2(access: Access) {
  if (access.over === "stdio") {
    return new StdioClientTransport({ command: access.program, args: [...access.args], stderr: "inherit" });
  }
  const requestInit = { headers: { authorization: `Bearer ${access.token}` } };
  return new StreamableHTTPClientTransport(new URL(access.url), { requestInit });
}
