/** The application over Postgres: the same code, with another `store`. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../store/postgres/postgres.fixture.ts";
import { z } from "zod";
import { type App, perdure } from "./app.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

function replica(): App {
  const app = perdure({ name: "trainer", version: "1", store: database.url, linger: 0 });
  const evaluate = app.task(
    "evaluate",
    { description: "Evaluate", input: z.object({ rows: z.number() }) },
    async ({ rows }) => rows * 2,
  );
  app.task(
    "train",
    { description: "Train", input: z.object({ epochs: z.number() }) },
    async ({ epochs }, task) => {
      const rows = await task.step("load", () => 7);
      await task.sleep(50);
      const evaluated = await task.call(evaluate, { rows });
      return { epochs, rows, evaluated };
    },
  );
  return app;
}

it("runs steps, waits and children, whichever of two replicas is asked", async () => {
  const [here, there] = [replica(), replica()];
  await Promise.all([here.start(), there.start()]);
  const handles = await Promise.all(
    Array.from({ length: 20 }, (_, epochs) => (epochs % 2 === 0 ? here : there).submit("train", { epochs })),
  );
  const elsewhere = handles.map(({ id }) => there.tasks.handle(id).result());
  expect(await Promise.all(elsewhere)).toEqual(
    handles.map((_, epochs) => ({ epochs, rows: 7, evaluated: 14 })),
  );
  await Promise.all([here.close(), there.close()]);
});
