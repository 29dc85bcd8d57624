/** An agent asks and leaves, the server is killed, and the result lies where the agent will look: in its memory. */
import assert from "node:assert/strict";
import { BedrockAgentCoreClient, type Event, ListEventsCommand } from "@aws-sdk/client-bedrock-agentcore";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { TaskId } from "perdure";
import { parseMessages, sessionMetaKey } from "perdure/agentcore";
import { z } from "zod";
import { tool } from "../clients/client.ts";
import { type Act, eventually, memoryId, type Stage } from "../stage.ts";
import { trainAlone } from "../training.ts";

const input = { epochs: 12, hidden: 8, seed: 71 };
const session = { actorId: "ada", sessionId: "ada-and-her-agent" };

export const act: Act = {
  title: "The agent has left: the result comes to its memory",
  play: async (stage) => {
    const alone = trainAlone(input);
    const taskId = await askAndLeave(stage.url);
    stage.say(`An agent asked for a training in its session, was handed over to task ${taskId}, and left.`);
    const epoch = await eventually("three epochs", async () => {
      const done = (await stage.record.summary({ taskId }))?.progress?.done ?? 0;
      return done >= 3 ? done : undefined;
    });
    const signal = await stage.server.kill();
    const early = await readBySdk(stage);
    stage.prove(
      `the server is dead (${signal}) at epoch ${epoch} of ${input.epochs}; the memory is empty`,
      () => {
        assert.equal(signal, "SIGKILL");
        assert(epoch < input.epochs);
        assert.deepEqual(early, []);
      },
    );
    await stage.server.start();

    const events = await eventually("an event in the memory", async () => {
      const found = await readBySdk(stage);
      return found.length > 0 ? found : undefined;
    });
    const [said, noted] = events.flatMap(({ payload }) =>
      parseMessages(payload).map(({ message }) => message),
    );
    const text = String(said?.content[0]?.["text"]);
    stage.say(`The AWS SDK reads: ${text.split("\n").slice(2).join(" ")}`);
    const expected = await alone;
    stage.prove("one event, as Strands' session managers restore it, with the task that it is of", () => {
      assert.equal(events.length, 1);
      assert.deepEqual([said?.role, noted?.role], ["user", "assistant"]);
      assert.equal(events[0]?.metadata?.["taskId"]?.stringValue, taskId);
    });
    stage.prove(
      "it is labelled as a tool's output, and is the result of a training that was left alone",
      () => {
        assert.match(text, /not written by the user/);
        const line = /^\| (.*)$/m.exec(text)?.[1] ?? "";
        assert.deepEqual(JSON.parse(line), expected);
      },
    );
  },
};

/** A client that waits a second. */
async function askAndLeave(url: string): Promise<TaskId> {
  const client = new Client({ name: "hasty", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const answer = await client.callTool({
    name: tool,
    arguments: input,
    _meta: { [sessionMetaKey]: { session: session.sessionId, actor: session.actorId } },
  });
  await client.close();
  const handOver = z.object({ structuredContent: z.object({ task_id: z.string() }) }).parse(answer);
  return handOver.structuredContent.task_id as TaskId;
}

async function readBySdk({ agentCore }: Stage): Promise<Event[]> {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  const client = new BedrockAgentCoreClient({ endpoint: agentCore.url, region: "us-west-2", credentials });
  try {
    return (await client.send(new ListEventsCommand({ memoryId, ...session }))).events ?? [];
  } catch (error) {
    // Before the first event there is no session.
    if (error instanceof Error && error.name === "ResourceNotFoundException") return [];
    throw error;
  } finally {
    client.destroy();
  }
}
