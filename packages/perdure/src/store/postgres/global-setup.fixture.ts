/**
 * One PostgreSQL for all tests of a run, begun when the first of them asks: the run's main process answers its workers
 * on a loopback port, and ends the server with the run.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { type PostgresServer, startPostgres } from "./server.fixture.ts";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<PostgresServer> | undefined;
  const given = process.env["PERDURE_TEST_POSTGRES"];
  const findServer = async (): Promise<string> => given ?? (await (starting ??= startPostgres())).url;
  const broker = createServer((_, response) => {
    findServer().then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((resolve) => broker.listen(0, "127.0.0.1", resolve));
  project.provide("postgresPort", (broker.address() as AddressInfo).port);
  const all = process.env["PERDURE_TEST_STORE"] === "postgres";
  project.provide("postgresUrl", all ? await findServer() : "");
  if (all) process.stdout.write("The store of these tests is PostgreSQL.\n");
  return async () => {
    broker.close();
    broker.closeAllConnections();
    await (await starting?.catch(() => undefined))?.dispose();
  };
}
