import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createDatabase,
  type TestDatabase,
} from "../../packages/perdure/src/store/postgres/postgres.fixture.ts";
import { Deployment } from "./deployment.ts";
import { Listener } from "./proofs.ts";
import { tellTheStory } from "./the-story.ts";

let database: TestDatabase;
let deployment: Deployment;

beforeAll(async () => {
  database = await createDatabase();
  deployment = await Deployment.start({ databaseUrl: database.url });
  await deployment.startWorker();
}, 60_000);

afterAll(async () => {
  await deployment[Symbol.asyncDispose]();
  await database.drop();
}, 60_000);

test("a training outlasts its user, its agent and its server, and is told three days later", async () => {
  const listener = new Listener();
  await tellTheStory(deployment, listener);
  expect(listener.claims).toHaveLength(8);
}, 120_000);
