/** The commands and their options. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { taskStatuses, type TaskStatus } from "../task/status.ts";
import type { CallOptions } from "./call.ts";
import type { Credentials } from "./connection.ts";
import { CommandError, exitCodeHelp, type ExitCode, exitCodes } from "./exit.ts";
import { output } from "./output.ts";
import type { InitOptions } from "./init.ts";
import type { ServeOptions } from "./serve.ts";
import type * as taskCommands from "./tasks/commands.ts";
import type { TaskSource } from "./tasks/source.ts";

interface Json {
  readonly json?: boolean;
}

/** Runs a command line and sets the exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    process.exitCode = tell(error);
  }
}

function tell(error: unknown): ExitCode {
  // Help and version are errors to commander, too; it has told them itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (!(error instanceof CommandError)) {
    // No fault of whoever typed the command: everything is said.
    console.error(error);
    return exitCodes.failed;
  }
  console.error(`perdure: ${error.message}`);
  return error.exitCode;
}

function program(): Command {
  const root = new Command("perdure")
    .description("Long-running MCP tools: serve them, call them, look after their tasks.")
    .exitOverride()
    .showHelpAfterError("(perdure --help tells more)")
    .addHelpText("after", exitCodeHelp);
  addServe(root);
  addWorker(root);
  addCall(root);
  addDoctor(root);
  addMigrate(root);
  addTasks(root);
  addAgentCore(root);
  addInit(root);
  return root;
}

function addServe(root: Command): void {
  root
    .command("serve")
    .description("serve the application that FILE exports (default, or named app), until Ctrl-C")
    .argument("<file>", "a module that says: export default perdure({ … })")
    .option("--port <port>", "0: any free one (default: 8000, or as the hosting says)", toPort)
    .option("--host <address>", "a public one needs auth (default: 127.0.0.1, or as the hosting says)")
    .option("--stdio", "serve standard input and output instead", false)
    .addOption(
      new Option("--role <role>", "serve: answer for every task, and leave running them to workers").choices([
        "serve",
        "both",
      ]),
    )
    .option("--json", "tell where it listens as a line of JSON")
    .action(async (file: string, { json, ...options }: ServeOptions & Json) => {
      const { serve } = await import("./serve.ts");
      await serve(file, options, output(json ?? false));
    });
}

function addWorker(root: Command): void {
  root
    .command("worker")
    .description("run the tasks of the application that FILE exports, without a port, until Ctrl-C")
    .argument("<file>", "as for serve")
    .option("--json", "tell that it works as a line of JSON")
    .action(async (file: string, options: Json) => {
      const { work } = await import("./serve.ts");
      await work(file, output(options.json ?? false));
    });
}

function addCall(root: Command): void {
  const command = root
    .command("call")
    .description("call a tool, with a live bar; Ctrl-C leaves it to go on and says how to find it")
    .argument("<url>", "of the server, like http://127.0.0.1:8000/mcp")
    .argument("<tool>")
    .option("--arg <name=value>", "an argument, read as the tool's schema says; repeatable", collect, [])
    .option("--json-args <object>", "all arguments, as one JSON object")
    .option("--no-wait", "answer with the hand-over, if the call is handed over")
    .option("--cancel-on-interrupt", "Ctrl-C cancels the task", false);
  withCredentials(command).action(async (url: string, tool: string, options: CallOptions & Json) => {
    const [{ call }, { Connection }] = await Promise.all([import("./call.ts"), import("./connection.ts")]);
    const connection = await Connection.open(url, options);
    try {
      process.exitCode = await call(connection, tool, options, output(options.json ?? false));
    } finally {
      await connection.close();
    }
  });
}

function addMigrate(root: Command): void {
  root
    .command("migrate")
    .description("bring the schema of a store on Postgres to what this version needs")
    .argument("[url]", "postgres://user:password@host/database; default: DATABASE_URL")
    .option("--schema <name>", "where its tables are; default: the schema that the URL names, or perdure")
    .action(async (url: string | undefined, { schema }: { schema?: string }) => {
      const { migrate } = await import("./migrate.ts");
      process.exitCode = await migrate(url ?? process.env["DATABASE_URL"], schema);
    });
}

function addDoctor(root: Command): void {
  root
    .command("doctor")
    .description("say what takes the room in a store and why, and what waits in it for nothing")
    .argument("<store>")
    .option("--json", "answer in JSON")
    .action(async (store: string, options: Json) => {
      const { doctor } = await import("./doctor.ts");
      process.exitCode = await doctor(store, output(options.json ?? false));
    });
}

function addTasks(root: Command): void {
  const tasks = root
    .command("tasks")
    .description(
      "look after the tasks of a store (a file, or sqlite:FILE) or, your own, of a server (a URL)",
    );
  const onSource = tasksCommand(tasks);
  onSource("list", "newest first")
    .addOption(new Option("--status <status>", "only these").choices(taskStatuses))
    .option("--limit <count>", "at most so many", toCount, 50)
    .action((where: string, options: SourceOptions & { status?: TaskStatus; limit: number }) =>
      withSource(where, options, async (source, { list }, out) => {
        const { status, limit } = options;
        return list(source, { limit, ...(status !== undefined && { status }) }, out);
      }),
    );
  onSource("show", "all that is known of one")
    .argument("<id>")
    .action((where: string, id: string, options: SourceOptions) =>
      withSource(where, options, (source, { show }, out) => show(source, id, out)),
    );
  onSource("watch", "what happens to one, until its end; with --json a line for each event")
    .argument("<id>")
    .action((where: string, id: string, options: SourceOptions) =>
      withSource(where, options, (source, { watch }, out) => watch(source, id, out)),
    );
  onSource("result", "what it returned, or why it failed")
    .argument("<id>")
    .action((where: string, id: string, options: SourceOptions) =>
      withSource(where, options, (source, { result }, out) => result(source, id, out)),
    );
  onSource("artifacts", "what it has left beside its result")
    .argument("<id>")
    .action((where: string, id: string, options: SourceOptions) =>
      withSource(where, options, (source, { artifacts }, out) => artifacts(source, id, out)),
    );
  onSource("artifact", "one of these, to standard output or a file")
    .argument("<id>")
    .argument("<name>")
    .option("-o, --output <file>", "appears when it is whole")
    .option("--artifacts <place>", "of a store: where they are, if not beside its file (a folder, or s3://…)")
    .action((where: string, id: string, name: string, options: SourceOptions & { output?: string }) =>
      withSource(where, options, (source, { artifact }, out) =>
        artifact(source, id, name, options.output, out),
      ),
    );
  onSource("cancel", "end one for good")
    .argument("<id>")
    .option("--reason <text>", "kept with the task")
    .action((where: string, id: string, options: SourceOptions & { reason?: string }) =>
      withSource(where, options, (source, { cancel }, out) => cancel(source, id, options.reason, out)),
    );
  for (const [name, description] of [
    ["pause", "begin no more tasks of a tool, in any process of the store; what runs goes on"],
    ["resume", "end a pause"],
  ] as const) {
    tasks
      .command(name)
      .description(description)
      .argument("<store>")
      .argument("<tool>")
      .option("--json", "answer in JSON")
      .action(async (store: string, tool: string, options: Json) => {
        const commands = await import("./tasks/operator.ts");
        process.exitCode = await commands[name](store, tool, output(options.json ?? false));
      });
  }
}

/** Commander leaves the options alone, `--help` as well: they are of another program. */
function addAgentCore(root: Command): void {
  root
    .command("agentcore")
    .description("serve a local Amazon Bedrock AgentCore (agentcore-local), until Ctrl-C")
    .argument("[options...]", "see: perdure agentcore --help")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (options: readonly string[]) => {
      const { agentcore } = await import("./agentcore.ts");
      await agentcore(options);
    });
}

function addInit(root: Command): void {
  root
    .command("init")
    .description("write a project that is ready to be deployed")
    .command("agentcore")
    .description(
      "MCP server, agent and worker for Amazon Bedrock AgentCore, with the CDK code of their stack",
    )
    .argument("[folder]", "a new or an empty one", ".")
    .option("--name <name>", "of the project: letters and digits (default: the folder's)")
    .option("--region <region>", "where it is deployed", "us-west-2")
    .option("--account <id>", "the AWS account, 12 digits")
    .option("--discovery-url <url>", "of the issuer of its callers' tokens (OpenID Connect)")
    .option("--audience <name>", "that a token may be for; repeatable", collect)
    .option("--client <id>", "that a token may have been issued to; repeatable", collect)
    .option("--json", "answer in JSON")
    .action(async (folder: string, { json, ...options }: InitOptions & Json) => {
      const { initAgentCore } = await import("./init.ts");
      await initAgentCore(folder, options, output(json ?? false));
    });
}

type SourceOptions = Credentials & Json;
type TaskCommands = typeof taskCommands;

function tasksCommand(tasks: Command) {
  return (name: string, description: string): Command =>
    withCredentials(tasks.command(name).description(description).argument("<store-or-url>"));
}

async function withSource(
  where: string,
  options: SourceOptions,
  action: (source: TaskSource, commands: TaskCommands, out: ReturnType<typeof output>) => Promise<ExitCode>,
): Promise<void> {
  const commands = await import("./tasks/commands.ts");
  const source = commands.openSource(where, options);
  try {
    process.exitCode = await action(source, commands, output(options.json ?? false));
  } finally {
    await source.close();
  }
}

function withCredentials(command: Command): Command {
  return command
    .option("--bearer <variable>", "the environment variable that holds the bearer token")
    .option(
      "--header <name=variable>",
      "a header whose value an environment variable holds; repeatable",
      collect,
    )
    .option("--json", "answer in JSON");
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function toPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("It must be a port, 0 to 65535.");
}

function toCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count;
  throw new InvalidArgumentError("It must be a whole number, 1 to 1000.");
}
