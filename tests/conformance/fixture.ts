/**
 * The server that the official conformance suite is run against: an ordinary application whose tools are those that
 * the suite asks for, by name. What a scenario says of a tool is in its description (`conformance list`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inputRequired, type McpServer } from "@modelcontextprotocol/server";
import { type App, perdure, ProtocolError, question } from "perdure";
import { z } from "zod";

const ignore = (): void => undefined;
const nothing = z.object({});
const sampled = z.object({ content: z.object({ text: z.string() }) });
/** One pixel. */
const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/** No sound at all. */
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

export function conformanceApp(): App {
  const app = perdure({
    name: "conformance",
    version: "1.0.0",
    store: "sqlite::memory:",
    poll: "200ms",
    logger: { debug: ignore, info: ignore, warn: ignore, error: console.error },
  });
  declareTasks(app);
  declareTools(app);
  declareQuestions(app);
  app.register(registerDiagnostics);
  return app;
}

function declareTasks(app: App): void {
  app.task(
    "slow_compute",
    {
      description: "Takes its time.",
      input: z.object({ seconds: z.number(), label: z.string().optional() }),
    },
    async ({ seconds, label }, { signal }) => {
      await sleep(seconds * 1_000, undefined, { signal });
      return `computed ${label ?? ""}`;
    },
  );
  app.task(
    "failing_job",
    { description: "Ends in a tool error.", input: nothing, start: "task" },
    async () => {
      await sleep(200);
      throw new Error("the job failed");
    },
  );
  app.task("protocol_error_job", { description: "Ends in a protocol error.", input: nothing }, () => {
    throw new ProtocolError(-32_603, "the job broke");
  });
  app.task(
    "confirm_delete",
    {
      description: "Asks, and deletes.",
      input: z.object({ filename: z.string() }),
      asks: true,
    },
    async ({ filename }, { ask }) => {
      const { confirm } = await ask(`Delete ${filename}?`, z.object({ confirm: z.boolean() }));
      return confirm ? `deleted ${filename}` : `kept ${filename}`;
    },
  );
  app.task(
    "test_elicitation",
    { description: "Asks what it is told to.", input: z.object({ message: z.string() }), asks: true },
    async ({ message }, { ask }) => {
      const answer = await ask(message, z.object({ username: z.string(), email: z.string() }));
      return `User response: ${JSON.stringify(answer)}`;
    },
  );
  app.task(
    "test_sampling",
    { description: "Asks the client's model.", input: z.object({ prompt: z.string() }) },
    async ({ prompt }, { sample }) => {
      const messages = [{ role: "user", content: { type: "text", text: prompt } }];
      const { content } = sampled.parse(await sample({ messages, maxTokens: 100 }));
      return `LLM response: ${content.text}`;
    },
  );
  app.task(
    "multi_input",
    { description: "Asks two questions at once.", input: nothing, asks: true },
    async (_, { askAll }) => {
      const { who, sure } = await askAll({
        who: question("Who are you?", z.object({ name: z.string() })),
        sure: question("Are you sure?", z.object({ confirm: z.boolean() })),
      });
      return `${who.name} is ${sure.confirm ? "" : "not "}sure`;
    },
  );
  const before = { user_name: question("What is your name?", z.object({ name: z.string() })) };
  app.task(
    "test_tool_with_task",
    { description: "Asks, and begins then.", input: nothing, start: "task", before },
    async (_, { askAll }) => {
      const { user_name } = await askAll(before);
      return `Hello, ${user_name.name}!`;
    },
  );
  app.task(
    "test_tool_with_progress",
    { description: "Reports progress.", input: nothing },
    async (_, task) => {
      // Reports of one task are written at most ten times a second.
      for (const done of [0, 50, 100]) {
        task.progress(done, 100);
        await sleep(150);
      }
      return "made progress";
    },
  );
  app.task("test_tool_with_logging", { description: "Logs.", input: nothing }, async (_, { log }) => {
    for (const message of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      log.info(message);
      await sleep(50);
    }
    return "logged";
  });
  app.task("test_logging_tool", { description: "Logs.", input: nothing }, (_, { log }) => {
    log.info("a line");
    return "logged";
  });
}

function declareTools(app: App): void {
  app.tool(
    "greet",
    { description: "Greets.", input: z.object({ name: z.string() }) },
    ({ name }) => `Hello, ${name}!`,
  );
  app.tool(
    "test_simple_text",
    { description: "Text.", input: nothing },
    () => "This is a simple text response for testing.",
  );
  const image = { type: "image", data: png, mimeType: "image/png" };
  app.tool("test_image_content", { description: "An image.", input: nothing }, () => ({ content: [image] }));
  app.tool("test_audio_content", { description: "Sound.", input: nothing }, () => ({
    content: [{ type: "audio", data: wav, mimeType: "audio/wav" }],
  }));
  app.tool("test_embedded_resource", { description: "A resource.", input: nothing }, () => ({
    content: [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")],
  }));
  app.tool("test_multiple_content_types", { description: "Some of each.", input: nothing }, () => ({
    content: [
      { type: "text", text: "Multiple content types test:" },
      image,
      resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
  }));
  app.tool("test_error_handling", { description: "Fails.", input: nothing }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
}

/** Tools that ask before they do anything: `input-required-result-…`. */
function declareQuestions(app: App): void {
  const name = z.object({ name: z.string() });
  app.tool(
    "test_input_required_result_elicitation",
    { description: "Asks for a name.", input: nothing },
    async (_, { ask }) => `Hello, ${(await ask("What is your name?", name, { name: "user_name" })).name}!`,
  );
  for (const tool of ["request_state", "tampered_state"]) {
    app.tool(
      `test_input_required_result_${tool}`,
      { description: "Asks to confirm.", input: nothing },
      async (_, { ask }) => {
        const { ok } = await ask("Please confirm", z.object({ ok: z.boolean() }), { name: "confirm" });
        return `state-ok: ${ok}`;
      },
    );
  }
  app.tool(
    "test_input_required_result_multi_round",
    { description: "Asks twice.", input: nothing },
    async (_, { ask }) => {
      const who = await ask("Step 1: What is your name?", name, { name: "step1" });
      const color = z.object({ color: z.string() });
      const liked = await ask("Step 2: What is your favorite color?", color, { name: "step2" });
      return `${who.name} likes ${liked.color}`;
    },
  );
}

function resource(uri: string, mimeType: string, text: string) {
  return { type: "resource", resource: { uri, mimeType, text } };
}

/** What only the SDK has, in its own terms: samples, roots, prompts that ask. */
function registerDiagnostics(server: McpServer): void {
  const sample = (text: string, maxTokens: number) =>
    inputRequired.createMessage({
      messages: [{ role: "user", content: { type: "text", text } }],
      maxTokens,
    });
  const elicit = (message: string, property: string) =>
    inputRequired.elicit({
      message,
      requestedSchema: {
        type: "object",
        properties: { [property]: { type: "string" } },
        required: [property],
      },
    });
  const said = (text: string) => ({ content: [{ type: "text" as const, text }] });

  server.registerTool(
    "test_missing_capability",
    { description: "Needs sampling.", inputSchema: nothing },
    () => inputRequired({ inputRequests: { sample: sample("?", 1) } }),
  );
  server.registerTool("test_streaming_elicitation", { description: "Asks.", inputSchema: nothing }, () =>
    inputRequired({ inputRequests: { name: elicit("Your name?", "name") } }),
  );
  server.registerTool(
    "test_input_required_result_sampling",
    { description: "Asks the model.", inputSchema: nothing },
    (_, { mcpReq: { inputResponses } }) =>
      inputResponses?.["capital_question"] === undefined
        ? inputRequired({
            inputRequests: { capital_question: sample("What is the capital of France?", 100) },
          })
        : said(JSON.stringify(inputResponses["capital_question"])),
  );
  server.registerTool(
    "test_input_required_result_list_roots",
    { description: "Asks for roots.", inputSchema: nothing },
    (_, { mcpReq: { inputResponses } }) =>
      inputResponses?.["client_roots"] === undefined
        ? inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
        : said(JSON.stringify(inputResponses["client_roots"])),
  );
  server.registerTool(
    "test_input_required_result_multiple_inputs",
    { description: "Asks all.", inputSchema: nothing },
    (_, { mcpReq: { inputResponses } }) =>
      inputResponses?.["client_roots"] === undefined
        ? inputRequired({
            inputRequests: {
              user_name: elicit("What is your name?", "name"),
              greeting: sample("Generate a greeting", 50),
              client_roots: inputRequired.listRoots(),
            },
            requestState: "opaque",
          })
        : said("all came"),
  );
  server.registerTool(
    "test_input_required_result_capabilities",
    { description: "Asks what it can.", inputSchema: nothing },
    () => inputRequired({ inputRequests: { sample: sample("Hello?", 10) } }),
  );
  server.registerPrompt("test_input_required_result_prompt", {}, ({ mcpReq: { inputResponses } }) =>
    inputResponses?.["user_context"] === undefined
      ? inputRequired({
          inputRequests: { user_context: elicit("What context should the prompt use?", "context") },
        })
      : { messages: [{ role: "user", content: { type: "text", text: "in context" } }] },
  );
}
