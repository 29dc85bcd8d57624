/** A program that a client starts: `node server.fixture.ts STORE`. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { perdure } from "../../app/app.ts";
import { ProtocolError } from "../../task/errors.ts";
import { programStore } from "../../store/program-store.fixture.ts";

const [, , record = ""] = process.argv;
const app = perdure({
  name: "trainer",
  version: "1.0.0",
  store: programStore(record),
  poll: "100ms",
  signals: true,
});

app.task(
  "train",
  {
    description: "Trains.",
    input: z.object({ epochs: z.int(), epochMs: z.int() }),
    output: z.object({ epochs: z.int(), runs: z.int(), pids: z.array(z.int()) }),
    hold: "20s",
    heartbeat: "300ms",
  },
  async ({ epochs, epochMs }, task) => {
    const { epoch, pids } = (await task.saved<{ epoch: number; pids: number[] }>()) ?? { epoch: 0, pids: [] };
    for (let done = epoch; done < epochs; done++) {
      await sleep(epochMs, undefined, { signal: task.signal });
      await task.save({ epoch: done + 1, pids: [...pids, process.pid] });
      task.progress(done + 1, epochs, `epoch ${done + 1}`);
      task.log.info(`epoch ${done + 1} is done`);
    }
    return { epochs, runs: task.attempt, pids: [...new Set([...pids, process.pid])] };
  },
);

app.task("confirm", { description: "Asks a person.", input: z.object({}) }, async (_input, task) => {
  const { sure } = await task.ask("Go on?", z.object({ sure: z.boolean() }), { timeout: "1m" });
  return { sure };
});

app.task("fail", { description: "Fails.", input: z.object({ protocol: z.boolean() }) }, ({ protocol }) => {
  if (protocol) throw new ProtocolError(-32_050, "out of paper", { data: { tray: 2 } });
  throw new Error("no such data set");
});

app.task(
  "slow",
  { description: "Is handed over.", input: z.object({}), hold: "200ms" },
  async (_input, task) => {
    await sleep(60_000, undefined, { signal: task.signal });
    return null;
  },
);

app.tool(
  "shout",
  { description: "Writes where it should not.", input: z.object({ text: z.string() }) },
  ({ text }) => {
    process.stdout.write("written by a tool\n");
    return { text: text.toUpperCase() };
  },
);

void app.stdio();
