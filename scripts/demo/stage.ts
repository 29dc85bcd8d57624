/** What every act plays on: a server in a process of its own, its record to look into, bars, and claims. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type AgentCoreLocal, startAgentCoreLocal } from "agentcore-local";
import { openSqliteStore, type TaskStore } from "perdure";
import { Bars } from "./bars.ts";
import { ServerProcess } from "./server-process.ts";

export interface Act {
  readonly title: string;
  /** Where it needs more than the others. */
  readonly withinMs?: number;
  play(stage: Stage): Promise<void>;
}

export interface Stage {
  readonly server: ServerProcess;
  readonly url: string;
  /** A look into the server's file: it reads, and executes nothing. */
  readonly record: TaskStore;
  /** On this machine, for the unmodified AWS SDK. */
  readonly agentCore: AgentCoreLocal;
  readonly bars: Bars;
  readonly proved: number;
  say(text: string): void;
  /** Prints the claim once `proof` did not throw. */
  prove(claim: string, proof: () => void): void;
  close(): Promise<void>;
}

export const memoryId = "trainings-0123456789";

/** What an AWS SDK finds in its environment, of a machine that is set up for AWS. */
function awsEnvironment({ url }: AgentCoreLocal): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: url,
    AWS_REGION: "us-west-2",
    AWS_ACCESS_KEY_ID: "any",
    AWS_SECRET_ACCESS_KEY: "any",
  };
}

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "perdure-demo-"));
  const file = join(folder, "trainer.db");
  const agentCore = await startAgentCoreLocal();
  const server = new ServerProcess(file, { ...awsEnvironment(agentCore), TRAINER_MEMORY: memoryId });
  const bars = new Bars();
  process.on("exit", () => {
    server.killNow();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
  await server.start();
  const record = openSqliteStore({ file });
  let proved = 0;
  const stage: Stage = {
    server,
    get url() {
      return server.url;
    },
    record,
    bars,
    get proved() {
      return proved;
    },
    say: (text) => console.log(`  ${text}`),
    prove: (claim, proof) => {
      try {
        proof();
      } catch (error) {
        throw new Error(`✗ ${claim}\n  ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
      proved++;
      console.log(`  ✓ ${claim}`);
    },
    agentCore,
    close: async () => {
      await record.close();
      await server.kill();
      await agentCore.close();
    },
  };
  stage.say(`A server (process ${server.pid}) at ${server.url}; its tasks are in one file.`);
  return stage;
}

/** Looks again and again until there is something to see. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = 30_000,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > until) throw new Error(`Not within ${withinMs / 1_000} s: ${what}.`);
    await sleep(20);
  }
}
