/** The sessions that run. A session id leads to the same process for as long as that lives, and then to a new one. */
import type { Clock } from "../clock.ts";
import { ServiceError } from "../service-error.ts";
import { Keeping } from "./keeping.ts";
import type { RuntimeLimits } from "./limits.ts";
import { Program } from "./program.ts";
import type { Runtime } from "./runtime.ts";
import { Session, type SessionEnd } from "./session.ts";

/** What is told of a session when it begins and when it has ended. */
export interface SessionEvent {
  readonly type: "started" | "ended";
  readonly runtime: string;
  readonly sessionId: string;
  readonly reason?: SessionEnd;
}

/** A line that a program wrote. */
export interface OutputLine {
  readonly runtime: string;
  readonly sessionId: string;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

export interface SessionsOptions {
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  /** `{folder}` where a runtime names none. */
  readonly folder: string;
  /** `{url}`. */
  readonly address: () => string;
  /** Of every program: the endpoints, and credentials. */
  readonly environmentOf: (runtime: Runtime) => Readonly<Record<string, string>>;
  readonly onSession: (event: SessionEvent) => void;
  readonly onOutput: (line: OutputLine) => void;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #keeping = new Keeping();
  readonly #running = new Map<string, Session>();
  /** What is ending still, under ids that may be used again. */
  readonly #all = new Set<Session>();
  /** Ids of MCP sessions that a server made itself. */
  readonly #aliases = new Map<string, Session>();
  #closed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get all(): readonly Session[] {
    return [...this.#running.values()];
  }

  find(runtime: Runtime, qualifier: string, id: string): Session | undefined {
    const key = keyOf(runtime, qualifier, id);
    return this.#running.get(key) ?? this.#aliases.get(key);
  }

  /** @throws ServiceError `ServiceUnavailableException` once it closes: nobody would end what begins then */
  open(runtime: Runtime, qualifier: string, id: string): Session {
    const found = this.find(runtime, qualifier, id);
    if (found !== undefined) return found;
    if (this.#closed) throw new ServiceError("ServiceUnavailableException", "agentcore-local is closing.");
    const key = keyOf(runtime, qualifier, id);
    const { clock, limits, onSession } = this.#options;
    const session = new Session({ runtime, id, clock, limits, start: () => this.#start(runtime, id) });
    this.#running.set(key, session);
    this.#all.add(session);
    onSession({ type: "started", runtime: runtime.name, sessionId: id });
    session.ending.addEventListener("abort", () => {
      if (this.#running.get(key) === session) this.#running.delete(key);
      for (const [alias, of] of this.#aliases) if (of === session) this.#aliases.delete(alias);
    });
    void session.ended.then((reason) => {
      this.#all.delete(session);
      onSession({ type: "ended", runtime: runtime.name, sessionId: id, reason });
    });
    return session;
  }

  /** The server calls this session by an id of its own. */
  alias(session: Session, qualifier: string, id: string): void {
    if (!session.ending.aborted) this.#aliases.set(keyOf(session.runtime, qualifier, id), session);
  }

  /** Every process and every disk is gone afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#all) void session.end("closed");
    await Promise.all([...this.#all].map(({ ended }) => ended));
    this.#keeping.close();
  }

  #start(runtime: Runtime, sessionId: string): Promise<Program> {
    const { folder, address, environmentOf, onOutput } = this.#options;
    const { definition } = runtime;
    return Program.start(
      {
        command: definition.command,
        args: definition.args,
        folder: definition.folder ?? folder,
        url: address(),
        env: { ...environmentOf(runtime), ...definition.env },
        onLine: (stream, line) => onOutput({ runtime: runtime.name, sessionId, stream, line }),
      },
      this.#keeping,
    );
  }
}

function keyOf(runtime: Runtime, qualifier: string, id: string): string {
  return JSON.stringify([runtime.arn, qualifier, id]);
}
