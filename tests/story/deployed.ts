/** A deployment for the tests of a file, with a database of its own. */
import { afterAll, beforeAll } from "vitest";
import {
  createDatabase,
  type TestDatabase,
} from "../../packages/perdure/src/store/postgres/postgres.fixture.ts";
import { Deployment, type DeploymentOptions } from "./deployment.ts";

export function deployed(options: Omit<DeploymentOptions, "databaseUrl"> = {}): () => Deployment {
  let database: TestDatabase | undefined;
  let deployment: Deployment | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    deployment = await Deployment.start({ databaseUrl: database.url, ...options });
    await deployment.startWorker();
  }, 60_000);
  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await database?.drop();
  }, 60_000);
  return () => {
    if (deployment === undefined) throw new Error("It is there in tests only.");
    return deployment;
  };
}
