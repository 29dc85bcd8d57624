/** AgentCore Runtime: what is configured, what runs, and its operations. */
import type { Clock } from "../clock.ts";
import type { Operation } from "../operation.ts";
import { defaultLimits, type RuntimeLimits } from "./limits.ts";
import { runtimeOperations } from "./operations.ts";
import { Runtime, RuntimeDefinition, type RuntimeOptions } from "./runtime.ts";
import type { SessionEnd } from "./session.ts";
import { type OutputLine, type SessionEvent, Sessions } from "./sessions.ts";

export interface RuntimesOptions {
  /** The runtimes that there are. */
  readonly runtimes?: readonly RuntimeOptions[];
  /** `{folder}` of runtimes that name none. @default the working directory */
  readonly folder?: string;
  readonly limits?: Partial<RuntimeLimits>;
  /** Is told when a session begins, and when its process and its disk are gone. */
  readonly onSession?: (event: SessionEvent) => void;
  /** Is told what programs write. */
  readonly onOutput?: (line: OutputLine) => void;
}

/** A session that runs. */
export interface RuntimeSession {
  readonly runtime: string;
  readonly sessionId: string;
  /** Milliseconds since 1970, by the platform's clock. */
  readonly startedAt: number;
  /** Resolves when its program listens. Rejects when that never happens. */
  readonly program: Promise<{
    readonly pid: number | undefined;
    readonly port: number;
    readonly disk: string;
  }>;
  /** Resolves when its process and its disk are gone. */
  readonly ended: Promise<SessionEnd>;
  /** As the platform would: SIGTERM, then SIGKILL, and the disk goes. */
  stop(): Promise<SessionEnd>;
}

/** What is needed to call a runtime. */
export interface RuntimeAddress {
  readonly arn: string;
  /** For MCP clients, and for callers with a bearer token: `…/runtimes/ARN/invocations?qualifier=DEFAULT`. */
  readonly url: string;
}

export class RuntimeService {
  readonly operations: readonly Operation[];
  readonly limits: RuntimeLimits;
  readonly #runtimes: readonly Runtime[];
  readonly #sessions: Sessions;
  readonly #address: () => string;

  /** @throws Error that names what is wrong in the options */
  constructor(options: RuntimesOptions, clock: Clock, address: () => string) {
    const { runtimes = [], folder = process.cwd(), onSession = ignore, onOutput = ignore } = options;
    this.#runtimes = runtimes.map((one) => new Runtime(RuntimeDefinition.parse(one)));
    this.limits = { ...defaultLimits, ...options.limits };
    this.#address = address;
    const environmentOf = (runtime: Runtime) => environment(address(), runtime.region);
    const { limits } = this;
    this.#sessions = new Sessions({ clock, limits, folder, address, environmentOf, onSession, onOutput });
    const setting = { runtimes: this.#runtimes, sessions: this.#sessions, clock, limits, address };
    this.operations = runtimeOperations(setting);
  }

  /** @throws TypeError for a name that is not configured */
  address(name: string): RuntimeAddress {
    const found = this.#runtimes.find((runtime) => runtime.name === name);
    if (found === undefined) throw new TypeError(`There is no runtime ${JSON.stringify(name)}.`);
    return { arn: found.arn, url: found.urlAt(this.#address()) };
  }

  sessions(): readonly RuntimeSession[] {
    return this.#sessions.all.map((session) => ({
      runtime: session.runtime.name,
      sessionId: session.id,
      startedAt: session.startedAt,
      program: session.program,
      ended: session.ended,
      stop: () => session.end("stopped"),
    }));
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }
}

/** What the platform gives to a program: its region, credentials, and here also where AWS is. */
function environment(url: string, region: string): Record<string, string> {
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: "any",
    AWS_SECRET_ACCESS_KEY: "any",
    AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: url,
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: url,
  };
}

const ignore = (): void => undefined;
