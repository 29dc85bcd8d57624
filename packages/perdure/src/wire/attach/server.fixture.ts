/**
 * A server that somebody has on the official SDK, with durable tools attached:
 * `node server.fixture.ts sdk1|sdk2 fronted|plain|factory STORE`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { McpServer as Sdk1Server } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport as Sdk1Transport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { McpServer as Sdk2Server } from "@modelcontextprotocol/server";
import { StdioServerTransport as Sdk2Transport } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { attach, perdure, ProtocolError } from "../../index.ts";
import { programStore } from "../../store/program-store.fixture.ts";

const [, , sdk, way, record = ""] = process.argv;
const app = perdure({ name: "durable", version: "1.0.0", store: programStore(record), poll: "100ms" });

app.task(
  "train",
  {
    description: "Trains.",
    input: z.object({ epochs: z.int(), epochMs: z.int() }),
    output: z.object({ epochs: z.int(), runs: z.int() }),
    heartbeat: "300ms",
  },
  async ({ epochs, epochMs }, task) => {
    const first = (await task.saved<number>()) ?? 0;
    for (let epoch = first; epoch < epochs; epoch++) {
      await sleep(epochMs, undefined, { signal: task.signal });
      await task.save(epoch + 1);
      task.progress(epoch + 1, epochs);
      task.log.info(`epoch ${epoch + 1} is done`);
    }
    return { epochs, runs: task.attempt };
  },
);
app.task("slow", { description: "Is handed over.", input: z.object({}), hold: "200ms" }, async (_, task) => {
  await sleep(60_000, undefined, { signal: task.signal });
  return null;
});
app.task("fail", { description: "Fails.", input: z.object({ protocol: z.boolean() }) }, ({ protocol }) => {
  if (protocol) throw new ProtocolError(-32_050, "out of paper");
  throw new Error("no such data set");
});

const info = { name: "mine", version: "3.2.1" };
const own = async ({ text }: { text: string }) => ({
  content: [{ type: "text" as const, text: `own: ${text}` }],
});

function sdk2Server(): Sdk2Server {
  const server = new Sdk2Server(info, { capabilities: { logging: {} } });
  server.registerTool("own", { description: "Mine.", inputSchema: z.object({ text: z.string() }) }, own);
  return server;
}

function sdk1Server(): Sdk1Server {
  const server = new Sdk1Server(info, { capabilities: { logging: {} } });
  server.registerTool("own", { description: "Mine.", inputSchema: { text: z.string() } }, own);
  return server;
}

async function main(): Promise<void> {
  if (way === "factory") {
    await app.stdio({ server: sdk2Server });
  } else if (sdk === "sdk1") {
    const server = sdk1Server();
    const durable = await attach(server, app);
    await server.connect(way === "plain" ? new Sdk1Transport() : durable.transport());
  } else {
    const server = sdk2Server();
    const durable = await attach(server, app);
    await server.connect(way === "plain" ? new Sdk2Transport() : durable.transport(new Sdk2Transport()));
  }
}

void main();
