/** A local AgentCore: its parts, on one address. */
import { adminOperations } from "./admin.ts";
import { type BedrockOptions, openBedrock } from "./bedrock/bedrock.ts";
import type { Clock } from "./clock.ts";
import { Faults } from "./faults.ts";
import { GatewayService, type GatewaysOptions } from "./gateway/service.ts";
import { Listener, type LogEntry } from "./http/listener.ts";
import { openMemory } from "./memory/memory.ts";
import type { MemoryOptions } from "./memory/setting.ts";
import { MovableClock } from "./movable-clock.ts";
import {
  type RuntimeAddress,
  RuntimeService,
  type RuntimesOptions,
  type RuntimeSession,
} from "./runtime/service.ts";

export interface AgentCoreLocalOptions
  extends MemoryOptions, RuntimesOptions, GatewaysOptions, BedrockOptions {
  /** On 127.0.0.1. @default 0, any free one */
  readonly port?: number;
  /** @default a `MovableClock` at the pace of real time */
  readonly clock?: Clock;
  /** A larger request is refused with 413. @default 10 MiB */
  readonly maxBodyBytes?: number;
  /** Is told of every request, without its content. */
  readonly log?: (entry: LogEntry) => void;
}

export interface AgentCoreLocal extends AsyncDisposable {
  /** The endpoint for AWS SDKs, like `http://127.0.0.1:49152`. */
  readonly url: string;
  /** What answers Converse, like `scripted`. */
  readonly model: string;
  readonly faults: Faults;
  /** @throws TypeError for a name that is not configured */
  runtime(name: string): RuntimeAddress;
  /** Where MCP clients send their requests. @throws TypeError for a name that is not configured */
  gateway(name: string): string;
  /** Those that run. */
  sessions(): readonly RuntimeSession[];
  /** Cuts off requests that are being answered, and ends every session. What was acknowledged is on the file. */
  close(): Promise<void>;
}

const defaultMaxBodyBytes = 10 * 1024 * 1024;

/** @throws Error for a port that is taken, or a file that cannot be opened */
export async function startAgentCoreLocal(options: AgentCoreLocalOptions = {}): Promise<AgentCoreLocal> {
  const {
    port = 0,
    clock = new MovableClock(),
    maxBodyBytes = defaultMaxBodyBytes,
    log = () => undefined,
  } = options;
  const faults = new Faults();
  let url = "";
  const runtimes = new RuntimeService(options, clock, () => url);
  const gateways = new GatewayService(options, clock, runtimes, () => url);
  const bedrock = openBedrock(options);
  const memory = openMemory(options, clock);
  const operations = [
    ...memory.operations,
    ...bedrock.operations,
    ...runtimes.operations,
    ...gateways.operations,
    ...adminOperations(clock, runtimes),
  ];
  const listener = new Listener({ operations, faults, clock, maxBodyBytes, log });
  try {
    url = await listener.listen(port);
  } catch (error) {
    memory.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await runtimes.close();
    await listener.close();
    memory.close();
    await bedrock.close();
  };
  return {
    url,
    model: bedrock.modelName,
    faults,
    runtime: (name) => runtimes.address(name),
    gateway: (name) => gateways.url(name),
    sessions: () => runtimes.sessions(),
    close: () => (closed ??= close()),
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}
