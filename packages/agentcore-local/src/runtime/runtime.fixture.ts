/** A local AgentCore with one runtime, whose program does what its payload says; and the AWS SDK's client. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BedrockAgentCoreClient,
  InvokeAgentRuntimeCommand,
  StopRuntimeSessionCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { clientOf } from "../client.fixture.ts";
import { ManualClock } from "../clock.fixture.ts";
import { type AgentCoreLocal, type AgentCoreLocalOptions, startAgentCoreLocal } from "../local.ts";
import type { RuntimeOptions } from "./runtime.ts";

export const sessionId = (n: number): string => `session-of-the-tests-${String(n).padStart(20, "0")}`;

/** What the program has heard. */
export interface Heard {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly invocations: number;
  readonly pid: number;
  readonly child?: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

export class Bench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly local: AgentCoreLocal;
  readonly client: BedrockAgentCoreClient;
  readonly arn: string;

  private constructor(local: AgentCoreLocal, clock: ManualClock) {
    this.clock = clock;
    this.local = local;
    this.client = clientOf(local);
    this.arn = local.runtime("agent").arn;
  }

  static async start(
    runtime: Partial<RuntimeOptions> = {},
    options: AgentCoreLocalOptions = {},
  ): Promise<Bench> {
    const clock = new ManualClock();
    const command = process.execPath;
    const args = [join(import.meta.dirname, "program.fixture.ts")];
    const runtimes = [{ name: "agent", command, args, ...runtime }];
    const local = await startAgentCoreLocal({ clock, runtimes, ...options });
    return new Bench(local, clock);
  }

  send(wish: object, id?: string, signal?: AbortSignal) {
    const command = new InvokeAgentRuntimeCommand({
      agentRuntimeArn: this.arn,
      contentType: "application/json",
      payload: Buffer.from(JSON.stringify(wish)),
      ...(id !== undefined && { runtimeSessionId: id }),
    });
    return this.client.send(command, signal && { abortSignal: signal });
  }

  async invoke(wish: object, id?: string): Promise<Heard> {
    const { response } = await this.send(wish, id);
    return JSON.parse((await response?.transformToString()) ?? "") as Heard;
  }

  stop(id: string) {
    return this.client.send(
      new StopRuntimeSessionCommand({ agentRuntimeArn: this.arn, runtimeSessionId: id }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.local.close();
  }
}

/** One that was killed, and whose parent has not asked how it ended, is not. */
export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
