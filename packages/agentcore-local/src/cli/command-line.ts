/** `agentcore-local` on the command line: serves until Ctrl-C. */
import "../node-version.ts";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { MovableClock } from "../movable-clock.ts";
import type { OutputLine, SessionEvent } from "../runtime/sessions.ts";
import { readConfiguration } from "./configuration.ts";
import type { LogEntry } from "../http/listener.ts";
import { type AgentCoreLocal, type AgentCoreLocalOptions, startAgentCoreLocal } from "../local.ts";

const help = `agentcore-local: Amazon Bedrock AgentCore on your own machine, for the unmodified AWS SDKs.

  --port PORT                on 127.0.0.1; 0: any free one           (8900)
  --file FILE                keep the memory there                   (gone with the process)
  --memory ID                a memory that there is; repeatable      (every valid id)
  --event-expiry-days DAYS   how long events are kept                (90)
  --model MODEL              what answers Converse: scripted, openai:URL, ollama:MODEL, gguf:FILE   (scripted)
  --throttle                 0.25 conversational events a second for each actor and session
  --config FILE              JSON with \`runtimes\`, the programs that can be invoked, and \`gateways\`
  --speed FACTOR             how fast the platform's time passes         (1)
  --log                      a line of JSON on standard error for each request, without its content
  --help

Set AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_BEDROCK_AGENTCORE and AWS_ENDPOINT_URL_BEDROCK_RUNTIME), or \`endpoint\`
of a client, to the address it prints. Signatures are not
checked: the SDKs want some credentials and a region, and any will do.
`;

const options = {
  port: { type: "string", default: "8900" },
  file: { type: "string" },
  memory: { type: "string", multiple: true },
  model: { type: "string" },
  "event-expiry-days": { type: "string" },
  throttle: { type: "boolean", default: false },
  config: { type: "string" },
  speed: { type: "string", default: "1" },
  log: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const satisfies ParseArgsConfig["options"];

/** Returns when it serves; a signal ends the process. Sets the exit code: 1 for what failed, 2 for wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  let settings: AgentCoreLocalOptions | undefined;
  try {
    settings = readOptions(argv);
  } catch (error) {
    return fail(2, error);
  }
  if (settings === undefined) {
    process.stdout.write(help);
    return;
  }
  try {
    const local = await startAgentCoreLocal(settings);
    closeOnSignals(local);
    announce(local, settings);
  } catch (error) {
    fail(error instanceof TypeError ? 2 : 1, error);
  }
}

/** `undefined`: help is wanted. @throws Error that quotes what is wrong */
function readOptions(argv: readonly string[]): AgentCoreLocalOptions | undefined {
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  if (values.help) return undefined;
  const days = values["event-expiry-days"];
  return {
    port: toNumber("--port", values.port, /^\d{1,5}$/),
    throttle: values.throttle,
    clock: new MovableClock({ speed: toNumber("--speed", values.speed, /^\d{1,6}(\.\d+)?$/) }),
    onOutput: writeLine,
    onSession: writeSession,
    ...(values.config !== undefined && readConfiguration(values.config)),
    ...(values.file !== undefined && { file: values.file }),
    ...(values.memory !== undefined && { memories: values.memory }),
    ...(values.model !== undefined && { model: values.model }),
    ...(days !== undefined && { eventExpiryDays: toNumber("--event-expiry-days", days, /^\d+$/) }),
    ...(values.log && { log: writeEntry }),
  };
}

function toNumber(option: string, value: string, form: RegExp): number {
  if (form.test(value)) return Number(value);
  throw new TypeError(`${option}: a number was expected, ${JSON.stringify(value)} came.`);
}

function announce(
  local: AgentCoreLocal,
  { file, runtimes = [], gateways = [] }: AgentCoreLocalOptions,
): void {
  const { url, model } = local;
  const kept = file === undefined ? "nothing is kept" : `kept in ${file}`;
  console.log(`AgentCore Memory at ${url} (${kept})`);
  const said = model === "scripted" ? "a small policy, and no language model" : "a real model";
  console.log(`Bedrock Runtime at ${url} (model: ${model}, ${said})`);
  console.log(`AWS_ENDPOINT_URL_BEDROCK_AGENTCORE=${url}`);
  console.log(`AWS_ENDPOINT_URL_BEDROCK_RUNTIME=${url}`);
  for (const { name } of runtimes) console.log(`Runtime ${name}: ${local.runtime(name).arn}`);
  for (const { name } of gateways) console.log(`Gateway ${name}: ${local.gateway(name)}`);
}

function writeLine({ runtime, sessionId, line }: OutputLine): void {
  console.error(`[${runtime} ${sessionId.slice(0, 8)}] ${line}`);
}

function writeSession({ type, runtime, sessionId, reason }: SessionEvent): void {
  console.error(
    `[${runtime} ${sessionId.slice(0, 8)}] session ${type}${reason === undefined ? "" : `: ${reason}`}`,
  );
}

function writeEntry({ cause, ...entry }: LogEntry): void {
  const told = cause instanceof Error ? { ...entry, cause: cause.message } : entry;
  console.error(JSON.stringify(told));
}

function closeOnSignals(local: AgentCoreLocal): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void local.close().then(() => process.exit(0)));
  }
}

function fail(exitCode: number, error: unknown): void {
  console.error(`agentcore-local: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = exitCode;
}
