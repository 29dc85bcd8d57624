/** What the clients are let loose on: processes over one record, and what can befall them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase } from "../../../packages/perdure/src/store/postgres/postgres.fixture.ts";
import type { Access } from "../client.ts";
import { RoundRobinProxy } from "./proxy.ts";
import { program, ServerProcess } from "./server-process.ts";

export interface Deployment {
  readonly name: DeploymentName;
  /** A way in for a principal. On stdio there is nobody but the user, so each gets a process and a file of its own. */
  accessOf(principal: string): Access;
  /** Where the record and the journal of a principal are. */
  folderOf(principal: string): string;
  /** What can befall it. */
  readonly http: HttpDeployment | undefined;
  close(): Promise<void>;
}

export interface HttpDeployment {
  /** SIGKILL to every process, or to those of the ids. */
  kill(pids?: readonly number[]): Promise<void>;
  /** Starts what was killed, on the same ports and the same record. */
  restart(): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
  readonly pids: readonly number[];
}

export const deployments = {
  "one process": (principals) => overHttp("one process", principals, 1),
  "two processes behind a proxy": (principals) => overHttp("two processes behind a proxy", principals, 2),
  "two processes over Postgres": overPostgres,
  stdio: overStdio,
} satisfies Record<string, (principals: readonly string[]) => Promise<Deployment>>;

export type DeploymentName =
  "one process" | "two processes behind a proxy" | "two processes over Postgres" | "stdio";

async function overHttp(
  name: DeploymentName,
  principals: readonly string[],
  count: number,
  database?: string,
): Promise<Deployment> {
  const folder = temporaryFolder();
  // A principal's name is its token.
  const tokens = Object.fromEntries(principals.map((principal) => [principal, principal]));
  const starts = Array.from({ length: count }, () =>
    ServerProcess.start({ folder, port: 0, tokens, ...(database !== undefined && { database }) }),
  );
  const servers = await Promise.all(starts);
  const proxy = count === 1 ? undefined : await RoundRobinProxy.start(() => servers.map(({ port }) => port));
  const url = proxy?.url ?? `http://127.0.0.1:${servers[0]?.port ?? 0}/mcp`;
  const each = async (act: (server: ServerProcess) => Promise<void>): Promise<void> => {
    await Promise.all(servers.map(act));
  };
  return {
    name,
    accessOf: (principal) => ({ over: "http", url, token: principal }),
    folderOf: () => folder,
    http: {
      kill: (pids) =>
        each(async (server) => (pids?.includes(server.pid) === false ? undefined : server.kill())),
      restart: () => each((server) => server.restart()),
      cut: () => {
        if (proxy !== undefined) return proxy.cut();
        for (const server of servers) server.cut();
      },
      get pids() {
        return servers.map(({ pid }) => pid);
      },
    },
    close: async () => {
      await each((server) => server.kill());
      await proxy?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function overPostgres(principals: readonly string[]): Promise<Deployment> {
  const database = await createDatabase();
  const deployment = await overHttp("two processes over Postgres", principals, 2, database.url);
  return {
    ...deployment,
    close: async () => {
      await deployment.close();
      await database.drop();
    },
  };
}

async function overStdio(): Promise<Deployment> {
  const folders = new Map<string, string>();
  const folderOf = (principal: string): string => {
    const folder = folders.get(principal) ?? temporaryFolder();
    folders.set(principal, folder);
    return folder;
  };
  return {
    name: "stdio",
    accessOf: (principal) => ({
      over: "stdio",
      program: process.execPath,
      args: [program, JSON.stringify({ folder: folderOf(principal) })],
    }),
    folderOf,
    http: undefined,
    close: async () => {
      for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "perdure-clients-"));
}
