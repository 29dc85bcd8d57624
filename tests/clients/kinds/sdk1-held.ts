/**
 * `@modelcontextprotocol/sdk` 1.32 without tasks: the call is held, told its progress, and taken up again by the SDK
 * itself where its connection breaks.
 */
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  type Access,
  type Arguments,
  type Call,
  type CallOptions,
  type Outcome,
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
import { Sdk1Connection, sdk1Error } from "./sdk1-connection.ts";

export class Sdk1Held implements TestClient {
  readonly #connection: Sdk1Connection;

  constructor(access: Access) {
    this.#connection = new Sdk1Connection(access, "sdk1-held");
  }

  call(tool: string, args: Arguments, { patienceMs }: CallOptions = {}): Call {
    const stop = new AbortController();
    const progress: string[] = [];
    const waiting: RequestOptions = {
      timeout: patienceMs ?? 12_000,
      resetTimeoutOnProgress: patienceMs === undefined,
      signal: stop.signal,
      onprogress: ({ message }) => void progress.push(message ?? ""),
    };
    const outcome = outcomeByTools(this.#callTool(waiting), tool, args).catch((error: unknown): Outcome => {
      if (stop.signal.aborted) return { kind: "cancelled" };
      throw error;
    });
    outcome.catch(() => undefined);
    return { tool, args, progress, outcome, cancel: async () => stop.abort("the user pressed stop") };
  }

  again({ tool, args }: Call): Promise<Outcome> {
    return persist(() => this.call(tool, args).outcome);
  }

  status(taskId: string): Promise<string> {
    return statusByTools(this.#callTool(), taskId);
  }

  result(taskId: string): Promise<Outcome> {
    return resultByTools(this.#callTool(), taskId);
  }

  cancel(taskId: string): Promise<void> {
    return cancelByTools(this.#callTool(), taskId);
  }

  list(): Promise<readonly string[]> {
    return listByTools(this.#callTool());
  }

  leave(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #callTool(options: RequestOptions = {}): CallTool {
    return async (name, args) => {
      try {
        const client = await this.#connection.client();
        return await client.callTool({ name, arguments: args }, undefined, options);
      } catch (error) {
        throw sdk1Error(error);
      }
    };
  }
}
