/**
 * The project on agentcore-local, as its image would run it: a user asks the agent to train a model and leaves; both
 * sessions end in the middle of the training, the worker goes on with it, and the user is told the result. Who may call,
 * and which header comes through, is what agentcore.json says.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startAgentCoreLocal } from "agentcore-local";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Client } from "pg";
import { startPostgres } from "../../packages/perdure/src/store/postgres/server.fixture.ts";

const memory = "conversations-0123456789";
const session = "session-of-the-check-0123456789-0123456789";
const issuer = "https://issuer.example";
const arn = "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/server-0123456789";

interface Project {
  readonly runtimes: readonly {
    readonly name: string;
    readonly protocol: "HTTP" | "MCP";
    readonly envVars?: readonly { readonly name: string; readonly value: string }[];
    readonly requestHeaderAllowlist: string[];
    readonly authorizerConfiguration: {
      readonly customJwtAuthorizer: { readonly discoveryUrl: string; readonly allowedClients?: string[] };
    };
    readonly lifecycleConfiguration: {
      readonly idleRuntimeSessionTimeout: number;
      readonly maxLifetime: number;
    };
  }[];
}

/** @param folder of the project, with `dist` built */
export async function checkOnLocal(folder: string, client: string): Promise<void> {
  await using postgres = await database();
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kty: "RSA", alg: "RS256" }] };
  const tokenOf = (principal: string, issuedTo = client): Promise<string> =>
    new SignJWT({ client_id: issuedTo })
      .setProtectedHeader({ alg: "RS256" })
      .setIssuer(issuer)
      .setSubject(principal)
      .setExpirationTime("10m")
      .sign(privateKey);

  const project = JSON.parse(readFileSync(join(folder, "agentcore/agentcore.json"), "utf8")) as Project;
  const settings = { PERDURE_HOSTING: "agentcore-runtime", MEMORY_ID: memory };
  const lines: string[] = [];
  await using local = await startAgentCoreLocal({
    onOutput: ({ runtime, line }) => void lines.push(`${runtime}: ${line}`),
    runtimes: project.runtimes.map((runtime) => {
      const { name, protocol, requestHeaderAllowlist, lifecycleConfiguration, envVars = [] } = runtime;
      const { discoveryUrl: _, ...jwt } = runtime.authorizerConfiguration.customJwtAuthorizer;
      return {
        name,
        protocol,
        requestHeaderAllowlist,
        lifecycleConfiguration,
        folder,
        command: process.execPath,
        args: [`{folder}/dist/${name}.js`],
        customJWTAuthorizer: { ...jwt, jwks, issuer },
        env: Object.fromEntries([
          ...envVars.map((one) => [one.name, one.value] as const),
          ...Object.entries(settings),
          name === "server" ? ["DATABASE_URL", postgres.url] : ["SERVER_ARN", arn],
        ]),
      };
    }),
  });

  const ask = async (prompt: string, token?: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(local.runtime("agent").url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        "x-amzn-bedrock-agentcore-runtime-session-id": session,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ prompt }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const endSessions = async (): Promise<void> => {
    await Promise.all(local.sessions().map((one) => one.stop()));
  };

  try {
    assert.equal((await ask("Hello.")).status, 401);
    assert.equal((await ask("Hello.", await tokenOf("ann", "another-client"))).status, 403);
    console.log("   without a token of the issuer's, for this client: refused");

    const started = await ask("Train a model, epochs 6.", await tokenOf("ann"));
    assert.match(started.text, /event: result\ndata: .*background/);
    await until(async () => (await postgres.tasks()).some(({ status }) => status === "working"));
    await sleep(2_000);
    await endSessions();
    const [left, ...others] = await postgres.tasks();
    assert.deepEqual([left?.owner, left?.status, others], ["ann", "working", []]);
    console.log("   the agent has answered; both sessions are gone, and the training is not done");

    const worker = spawn(process.execPath, [join(folder, "dist/worker.js")], {
      env: {
        PATH: process.env["PATH"],
        ...settings,
        DATABASE_URL: postgres.url,
        AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: local.url,
        AWS_REGION: "us-west-2",
        AWS_ACCESS_KEY_ID: "any",
        AWS_SECRET_ACCESS_KEY: "any",
      },
      stdio: ["ignore", "inherit", "inherit"],
    });
    try {
      await until(async () => (await postgres.tasks())[0]?.status === "completed");
      await until(async () => (await conversation(local.url, "ann")).includes("accuracy"));
    } finally {
      await end(worker);
    }
    const told = await ask("How good is it?", await tokenOf("ann"));
    assert.match(told.text, /event: result\ndata: .*accuracy/);
    const [, accuracy = "?"] = /accuracy[^0-9]{1,8}([0-9.]+)/.exec(told.text) ?? [];
    console.log(
      `   the worker went on, the result came to memory, a new agent tells it: accuracy ${accuracy}`,
    );

    const other = await ask("How good is it?", await tokenOf("eve"));
    assert.equal(other.status, 200);
    assert.doesNotMatch(other.text, /accuracy/);
    console.log("   another user, who names the same session, is told nothing of it");
  } catch (error) {
    console.error(lines.join("\n"));
    throw error;
  } finally {
    await endSessions();
  }
}

async function conversation(url: string, actor: string): Promise<string> {
  const place = `${url}/memories/${memory}/actor/${actor}/sessions/${session}`;
  const answer = await fetch(place, { method: "POST", body: "{}" });
  return answer.text();
}

async function database() {
  const server = await startPostgres();
  return {
    url: server.url,
    tasks: async () => {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      try {
        const { rows } = await client.query<{ owner: string; status: string }>(
          "SELECT owner, status FROM perdure.tasks",
        );
        return rows;
      } finally {
        await client.end();
      }
    },
    [Symbol.asyncDispose]: () => server.dispose(),
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(200))
    if (await holds().catch(() => false)) return;
  throw new Error("what was waited for did not come within 60 s");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}
