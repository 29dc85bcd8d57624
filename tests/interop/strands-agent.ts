/** An agent of Strands in TypeScript: its script comes as JSON by standard input, its history goes to standard output. */
import { text } from "node:stream/consumers";
import { Agent, Message, tool } from "@strands-agents/sdk";
import { z } from "zod";
import { fromConverse, toConverse } from "../../packages/perdure/src/strands/converse.ts";
import { AgentCoreSessionManager } from "../../packages/perdure/src/strands/index.ts";
import { type Line, ScriptedModel } from "../../packages/perdure/src/strands/scripted-model.fixture.ts";
import type { SessionPlace } from "../../packages/perdure/src/strands/session-events.ts";

interface Given extends SessionPlace {
  readonly script: readonly { readonly ask: string; readonly say: readonly Line[] }[];
  readonly state?: Readonly<Record<string, unknown>>;
  /** In Converse's form, with bytes as base64. */
  readonly messages?: readonly { readonly role: "user" | "assistant"; readonly content: readonly object[] }[];
}

const given = JSON.parse(await text(process.stdin)) as Given;
const logged: string[] = [];
const log = (_: object, message: string): void => void logged.push(message);
const logger = { debug: log, info: log, warn: log, error: log };
const manager = new AgentCoreSessionManager({ ...given, logger });
const add = tool({
  name: "add",
  description: "Adds.",
  inputSchema: z.object({ a: z.number() }),
  callback: ({ a }) => `${a + 1}`,
});
const messages = (given.messages ?? []).flatMap(({ role, content }) => {
  const read = fromConverse({ role, content: content.map((block) => decode(block) as never) });
  return read === undefined ? [] : [Message.fromMessageData(read)];
});
const model = new ScriptedModel(...given.script.flatMap(({ say }) => say));
const agent = new Agent({ model, tools: [add], plugins: [manager], messages, printer: false });
for (const [key, value] of Object.entries(given.state ?? {})) agent.appState.set(key, value);
await agent.initialize();
for (const { ask } of given.script) await agent.invoke(ask);
if (!(await manager.flush("10s"))) throw new Error("not everything is kept");
const shown = { messages: agent.messages.map(toConverse), state: agent.appState.getAll(), logged };
console.log(
  JSON.stringify(shown, (_, value: unknown) => (value instanceof Uint8Array ? encode(value) : value)),
);

function encode(bytes: Uint8Array): object {
  return { __bytes__: Buffer.from(bytes).toString("base64") };
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== "object" || value === null) return value;
  if ("__bytes__" in value) return new Uint8Array(Buffer.from(String(value["__bytes__"]), "base64"));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decode(inner)]));
}
