/** What all clients have in common that ask for their tasks by the generated tools. */
import {
  type Arguments,
  type Call,
  type CallOptions,
  type Outcome,
  type Person,
  persist,
  type TestClient,
} from "../client.ts";
import {
  type CallTool,
  cancelByTools,
  listByTools,
  outcomeByTools,
  resultByTools,
  statusByTools,
} from "./plain-tools.ts";

export abstract class ToolsClient implements TestClient {
  abstract call(tool: string, args: Arguments, options?: CallOptions): Call;
  abstract close(): Promise<void>;
  /** One call of a tool, outside of those that are waited for. */
  protected abstract callTool(name: string, args: object): Promise<unknown>;

  /** The same call again: it finds its task. */
  again({ tool, args }: Call): Promise<Outcome> {
    return persist(() => this.call(tool, args).outcome);
  }

  status(taskId: string): Promise<string> {
    return statusByTools(this.tools, taskId);
  }

  result(taskId: string): Promise<Outcome> {
    return resultByTools(this.tools, taskId);
  }

  cancel(taskId: string): Promise<void> {
    return cancelByTools(this.tools, taskId);
  }

  list(): Promise<readonly string[]> {
    return listByTools(this.tools);
  }

  leave(): Promise<void> {
    return this.close();
  }

  protected readonly tools: CallTool = (name, args) => this.callTool(name, args);
}

/** What the SDKs of both generations let a call be told. */
export interface Waiting {
  readonly timeout: number;
  readonly resetTimeoutOnProgress: boolean;
  readonly signal: AbortSignal;
  readonly onprogress: (progress: { readonly message?: string | undefined }) => void;
}

/** A client of an SDK whose calls are held, with the SDK's own means. */
export abstract class HeldClient extends ToolsClient {
  protected abstract override callTool(name: string, args: object, waiting?: Waiting): Promise<unknown>;

  override call(tool: string, args: Arguments, { patienceMs }: CallOptions = {}): Call {
    const stop = new AbortController();
    const progress: string[] = [];
    const waiting: Waiting = {
      timeout: patienceMs ?? 12_000,
      resetTimeoutOnProgress: patienceMs === undefined,
      signal: stop.signal,
      onprogress: ({ message }) => void progress.push(message ?? ""),
    };
    const held: CallTool = (name, given) => this.callTool(name, given, waiting);
    return {
      tool,
      args,
      progress,
      outcome: cancelledBy(stop.signal, outcomeByTools(held, tool, args)),
      cancel: async () => stop.abort("the user pressed stop"),
    };
  }
}

/** An outcome that nobody may wait for; what breaks because the user pressed stop is cancelled. */
export function cancelledBy(stop: AbortSignal, outcome: Promise<Outcome>): Promise<Outcome> {
  const known = outcome.catch((error: unknown): Outcome => {
    if (stop.aborted) return { kind: "cancelled" };
    throw error;
  });
  known.catch(() => undefined);
  return known;
}

/** What a client declares that it can be asked. */
export function capabilitiesOf(person: Person | undefined) {
  if (person === undefined) return {};
  return { elicitation: { form: {} }, ...(person.model !== undefined && { sampling: {} }) };
}
