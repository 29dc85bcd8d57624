/** What a load balancer is told of a process, and what its clients are, while the database is away and afterwards. */
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { startNetwork } from "../store/postgres/half-open.fixture.ts";
import { startPostgres } from "../store/postgres/server.fixture.ts";
import { openPostgresStoreForTest } from "../store/postgres/store.ts";
import { ask } from "../wire/http/http.fixture.ts";
import { testApp } from "./app.fixture.ts";

const description = "Doubles.";
const input = z.object({ n: z.number() });

async function readyOf(url: string) {
  const response = await fetch(new URL("/ready", url));
  return { status: response.status, said: await response.json() };
}

const away = { status: 503, said: { ready: false, reason: "STORE_UNAVAILABLE" } };
const there = { status: 200, said: { ready: true } };

it.each(["refuses", "is silent"] as const)("where the database %s", { timeout: 60_000 }, async (how) => {
  const server = await startPostgres();
  onTestFinished(() => server.dispose());
  const network = await startNetwork(server.url);
  onTestFinished(() => network.close());
  const store = openPostgresStoreForTest({
    url: how === "refuses" ? server.url : network.url,
    leaseMs: 2_000,
    timeoutMs: 2_000,
    warn: () => undefined,
  });
  const app = testApp({ store });
  app.task("double", { description, input }, ({ n }) => n * 2);
  const { url } = await app.listen({ port: 0 });
  expect(await readyOf(url)).toEqual(there);

  if (how === "refuses") await server.stop("immediate");
  else network.fallSilent();
  await expect.poll(() => readyOf(url), { timeout: 10_000 }).toEqual(away);
  const before = performance.now();
  const { message } = await ask(url, "tools/call", { name: "double", arguments: { n: 2 } }, { tasks: true });
  expect(performance.now() - before).toBeLessThan(4_000);
  expect(message.error).toEqual({
    code: -32_603,
    message: "The server is busy; try again",
    data: { retryable: true },
  });

  if (how === "refuses") await server.start();
  else network.comeBack();
  await expect.poll(() => readyOf(url), { timeout: 15_000 }).toEqual(there);
  const { id } = await app.submit("double", { n: 4 });
  expect(await app.tasks.handle(id).result()).toBe(8);
});

it("is always so with a file, until the application is closed", async () => {
  const app = testApp({ store: "sqlite::memory:" });
  await app.start();
  expect(await app.readiness()).toEqual({ ready: true });
  await app.close();
  expect(await app.readiness()).toEqual({ ready: false, reason: "APP_CLOSED" });
});

it("is not so, and is no error, where the record cannot be opened", async () => {
  const app = testApp({ store: "mysql://nobody" });
  expect(await app.readiness()).toEqual({ ready: false, reason: "INVALID_OPTION" });
});
