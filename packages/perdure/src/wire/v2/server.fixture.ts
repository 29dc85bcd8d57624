/** A server as a process of its own: `node server.fixture.ts STORE PORT`. Says `ready URL` once it serves. */
import { z } from "zod";
import { perdure } from "../../app/app.ts";
import { question } from "../../engine/context.ts";
import { PerdureError } from "../../task/errors.ts";
import { programStore } from "../../store/program-store.fixture.ts";

const [, , record = "", port = "0"] = process.argv;
const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const app = perdure({ name: "asking", version: "1.0.0", store: programStore(record), poll: "100ms", logger });

const nothing = z.object({});
const sure = z.object({ sure: z.boolean() });

app.task("confirm", { description: "Asks a person.", input: nothing }, async (_, task) => ({
  ...(await task.ask("Go on?", sure)),
  attempt: task.attempt,
}));

app.task("trip", { description: "Asks two questions at once.", input: nothing }, async (_, { askAll }) => {
  const even = z.object({ days: z.number() }).refine(({ days }) => days % 2 === 0, "odd");
  const { where, days } = await askAll({
    where: question("Where to?", z.object({ city: z.string() })),
    days: question("How long?", even),
  });
  return `${days.days} days in ${where.city}`;
});

app.task("brief", { description: "Waits only a moment.", input: nothing }, async (_, { ask }) => {
  try {
    return JSON.stringify(await ask("Quick?", sure, { timeout: "300ms" }));
  } catch (error) {
    return error instanceof PerdureError ? error.code : "?";
  }
});

app.tool("rename", { description: "No task, and asks.", input: nothing }, async (_, { ask }) => {
  const { name } = await ask("New name?", z.object({ name: z.string() }));
  return `renamed to ${name}`;
});

void app.listen({ port: Number(port) }).then(({ url }) => process.stdout.write(`ready ${url}\n`));
