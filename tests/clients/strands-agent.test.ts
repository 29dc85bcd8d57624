/** Two perdure servers in one Strands agent: what its model sees of them. */
import { Agent, McpClient } from "@strands-agents/sdk";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ServerProcess } from "./deployments/server-process.ts";
import { ScriptedModel, type Turn } from "./scripted-model.ts";

const timeout = 60_000;

describe("two servers in one Strands agent", () => {
  const folders = ["north", "south", "plain"].map((name) => mkdtempSync(join(tmpdir(), `perdure-${name}-`)));
  let servers: readonly ServerProcess[];
  beforeAll(async () => {
    const start = (folder: string, prefix: string) =>
      ServerProcess.start({ folder, port: 0, prefix, name: `server-${prefix}` });
    const [north = "", south = "", plain = ""] = folders;
    servers = await Promise.all([start(north, "north_"), start(south, "south_"), start(plain, "")]);
  }, timeout);
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it("are told apart by the prefix of their tools, and work beside each other", { timeout }, async () => {
    const heard = await converse(tools(servers, {}), [
      () => [
        { name: "north_slow", input: { key: "a", ms: 300 } },
        { name: "south_quick", input: { key: "b" } },
      ],
      () => [
        { name: "north_list_tasks", input: {} },
        { name: "south_list_tasks", input: {} },
      ],
      () => "Both are done.",
    ]);
    expect(heard).toMatchObject([
      [
        { status: "success", text: expect.stringContaining('"key":"a"') as string },
        { status: "success", text: expect.stringContaining('"key":"b"') as string },
      ],
      [
        { status: "success", text: expect.stringMatching(/^\S+ north_slow: completed$/) as string },
        { status: "success", text: expect.stringMatching(/^\S+ south_quick: completed$/) as string },
      ],
    ]);
  });

  it(
    "tells its model of a failed task only that it failed; the generated tools tell why",
    { timeout },
    async () => {
      const heard = await converse(tools(servers, { tasksConfig: {} }), [
        () => [{ name: "north_fails", input: { key: "c" } }],
        ([{ text } = { text: "" }]) => {
          const taskId = /Task (\S+) failed/.exec(text)?.[1] ?? "";
          return [
            { name: "north_check_task_status", input: { task_id: taskId } },
            { name: "north_get_task_results", input: { task_id: taskId } },
            { name: "south_check_task_status", input: { task_id: taskId } },
          ];
        },
        () => "I know why.",
      ]);
      expect(heard).toMatchObject([
        [{ status: "error", text: expect.stringMatching(/Task \S+ failed$/) as string }],
        [
          { status: "success", text: "north_fails is failed. there is no such data set" },
          { status: "error", text: "there is no such data set" },
          { status: "error", text: expect.stringContaining("There is no task ") as string },
        ],
      ]);
    },
  );

  it("follows a hand-over: waits by the tool that it names, and takes the result", { timeout }, async () => {
    let taskId = "";
    const heard = await converse(tools(servers, {}), [
      () => [{ name: "south_slow_handed_over", input: { key: "d", ms: 700 } }],
      ([{ text } = { text: "" }]) => {
        const [, id = "", check = ""] = /as task (\S+)\. .* call (\S+) with this task_id/.exec(text) ?? [];
        taskId = id;
        return [{ name: check, input: { task_id: taskId, wait_seconds: 20 } }];
      },
      ([{ text } = { text: "" }]) => {
        const [, results = ""] = /is completed\. Call (\S+) for the result/.exec(text) ?? [];
        return [{ name: results, input: { task_id: taskId } }];
      },
      () => "Here it is.",
    ]);
    expect(heard.at(-1)).toMatchObject([
      { status: "success", text: expect.stringContaining('"key":"d"') as string },
    ]);
  });

  it(
    "needs prefixes: two tools of one name are refused; Strands can give some, too",
    { timeout },
    async () => {
      const same = [servers[2], servers[2]] as ServerProcess[];
      await expect(converse(tools(same, {}), [() => "Nothing."])).rejects.toThrow(
        /already|duplicate|exists/i,
      );
      const [one, two] = [tools(same.slice(1), { prefix: "one" }), tools(same.slice(1), { prefix: "two" })];
      const heard = await converse(
        [...one, ...two],
        [() => [{ name: "two_quick", input: { key: "e" } }], () => "Done."],
      );
      expect(heard).toMatchObject([
        [{ status: "success", text: expect.stringContaining('"key":"e"') as string }],
      ]);
    },
  );
});

type Options = Omit<ConstructorParameters<typeof McpClient>[0], "url">;

function tools(servers: readonly ServerProcess[], options: Options): McpClient[] {
  return servers.slice(0, 2).map(({ port }) => {
    const client = new McpClient({ ...options, url: `http://127.0.0.1:${port}/mcp` });
    onTestFinished(() => client.disconnect());
    return client;
  });
}

/** What the model's tools answered, turn by turn. */
async function converse(clients: McpClient[], script: readonly Turn[]) {
  const model = new ScriptedModel(script);
  const agent = new Agent({ model, tools: clients, printer: false });
  await agent.invoke("Go.");
  return model.heard;
}
