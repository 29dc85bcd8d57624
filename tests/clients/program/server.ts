/**
 * The server under test, a process of its own: `node server.ts '<orders as JSON>'`. Over HTTP it says the port on which
 * it listens to its parent, and cuts every connection when it is told to.
 *
 * What its handlers do stands in the journal, a file beside the record: the truth that no client can colour.
 */
import diagnostics from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { z } from "zod";
import {
  type JsonObject,
  perdure,
  PerdureError,
  ProtocolError,
  question,
  type TaskContext,
  type TaskStore,
} from "../../../packages/perdure/src/index.ts";
import { openPostgresStoreForTest } from "../../../packages/perdure/src/store/postgres/store.ts";
import { bearerTokens } from "../../../packages/perdure/src/wire/http/authenticate.ts";
import { type Entry, writeJournal } from "./journal.ts";
import type { Orders } from "./orders.ts";

const orders = JSON.parse(process.argv[2] ?? "{}") as Orders;
const prefix = orders.prefix ?? "";
const app = perdure({
  name: orders.name ?? "matrix",
  version: "1.0.0",
  store: openStore(orders),
  poll: "100ms",
  heartbeat: "250ms",
  hold: "20s",
  // Failures are what some of the tools are for.
  logger: pino({ level: "error" }, pino.destination({ dest: 2, sync: true })),
  tools: { prefix },
  ...(orders.tokens !== undefined && { auth: bearerTokens(orders.tokens) }),
});

const input = z.object({ key: z.string() });
const output = z.object({ key: z.string(), task: z.string(), attempts: z.int() });

app.task(`${prefix}quick`, { description: "Is done at once.", input, output }, ({ key }, task) => {
  note(task, key, "runs");
  return { key, task: task.id, attempts: task.attempt };
});

app.task(
  `${prefix}brief`,
  { description: "Is forgotten soon.", input, output, ttl: "1500ms" },
  ({ key }, task) => {
    note(task, key, "runs");
    return { key, task: task.id, attempts: task.attempt };
  },
);

const slow = { input: input.extend({ ms: z.int() }), output } as const;
app.task(`${prefix}slow`, { description: "Takes so long.", ...slow }, work);
app.task(
  `${prefix}slow_unattended`,
  { description: "Goes on without its caller.", ...slow, onDisconnect: "continue" },
  work,
);
app.task(`${prefix}slow_handed_over`, { description: "Is not waited for.", ...slow, hold: "300ms" }, work);
app.task(
  `${prefix}slow_background`,
  { description: "Is not waited for at all.", ...slow, start: "background" },
  work,
);

app.task(`${prefix}fails`, { description: "Fails.", input, output }, ({ key }, task) => {
  note(task, key, "runs");
  throw new Error("there is no such data set");
});

app.task(`${prefix}protocol_fails`, { description: "Fails by the protocol.", input }, ({ key }, task) => {
  note(task, key, "runs");
  throw new ProtocolError(-32_050, "out of paper", { data: { tray: 2 } });
});

const sure = z.object({ sure: z.boolean() });
const asks = { input, asks: true, onDisconnect: "continue" } as const;
app.task(`${prefix}confirm`, { description: "Asks a person.", ...asks }, async ({ key }, task) => {
  note(task, key, "runs");
  const said = await task.ask("Go on?", sure);
  return { key, task: task.id, attempts: task.attempt, said };
});

app.task(`${prefix}trip`, { description: "Asks two questions at once.", ...asks }, async ({ key }, task) => {
  note(task, key, "runs");
  const even = z.object({ days: z.number() }).refine(({ days }) => days % 2 === 0, "odd");
  const said = await task.askAll({
    where: question("Where to?", z.object({ city: z.string() })),
    days: question("How long?", even),
  });
  return { key, task: task.id, attempts: task.attempt, said };
});

app.task(`${prefix}delegate`, { description: "Has a child that asks.", ...asks }, async ({ key }, task) => {
  note(task, key, "runs");
  const { said } = await task.call<{ said: JsonObject }>(`${prefix}confirm`, { key: `${key} child` });
  return { key, task: task.id, attempts: task.attempt, said };
});

app.task(`${prefix}hurry`, { description: "Waits only a moment.", ...asks }, async ({ key }, task) => {
  note(task, key, "runs");
  const said = await task.ask("Quick?", sure, { timeout: "1500ms" }).catch(codeOf);
  return { key, task: task.id, attempts: task.attempt, said };
});

app.task(`${prefix}title`, { description: "Asks the client's model.", input }, async ({ key }, task) => {
  note(task, key, "runs");
  const messages = [{ role: "user", content: { type: "text", text: "A title?" } }];
  const said = await task.sample({ messages, maxTokens: 20 }, { timeout: "3s" });
  return { key, task: task.id, attempts: task.attempt, said };
});

/** With a lease so short that nobody waits for the dead. */
function openStore({ folder, database }: Orders): string | TaskStore {
  if (database === undefined) return `sqlite:${folder}/tasks.db`;
  return openPostgresStoreForTest({ url: database, leaseMs: 1_500 });
}

function codeOf(error: unknown): string {
  return error instanceof PerdureError ? error.code : "?";
}

/** Goes on where it was: what was done is saved at every tick. */
async function work({ key, ms }: { key: string; ms: number }, task: TaskContext) {
  note(task, key, "runs");
  task.signal.addEventListener("abort", () => {
    const { reason } = task.signal as { reason: unknown };
    note(task, key, "aborted", reason instanceof PerdureError ? { code: reason.code } : {});
  });
  const tickMs = 50;
  const ticks = Math.ceil(ms / tickMs);
  for (let done = (await task.saved<number>()) ?? 0; done < ticks; done++) {
    await pause(tickMs, undefined, { signal: task.signal });
    await task.save(done + 1);
    task.progress(done + 1, ticks, `tick ${done + 1}`);
    if (done === 1) note(task, key, "saved");
  }
  note(task, key, "done");
  return { key, task: task.id, attempts: task.attempt };
}

function note(task: TaskContext, key: string, event: Entry["event"], more: JsonObject = {}): void {
  const { id, tool, owner, attempt } = task;
  writeJournal(orders.folder, { event, key, tool, task: id, owner, attempt, pid: process.pid, ...more });
}

if (orders.port === undefined) void app.stdio();
else {
  const sockets = new Set<Socket>();
  diagnostics.subscribe("http.server.request.start", (message) => {
    const { socket } = message as { socket: Socket };
    // A kept-alive one comes with each of its requests.
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  process.on("message", () => {
    for (const socket of sockets) socket.destroy();
  });
  // Nothing outlives the test that started it.
  process.on("disconnect", () => process.exit());
  void app.listen({ port: orders.port }).then(({ port }) => process.send?.({ port }));
}
