/** A server as a process of its own: `node server.fixture.ts STORE PORT`. Says `ready URL` once it serves. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { perdure } from "../../app/app.ts";
import { programStore } from "../../store/program-store.fixture.ts";

const [, , record = "", port = "0"] = process.argv;
const app = perdure({ name: "killed", version: "1.0.0", store: programStore(record) });

app.task("train", { description: "Ten epochs of 100 ms.", input: z.object({}) }, async (_, task) => {
  const from = (await task.saved<number>()) ?? 0;
  for (let epoch = from; epoch < 10; epoch++) {
    await sleep(100);
    await task.save(epoch + 1);
    task.progress(epoch + 1, 10);
  }
  return { epochs: 10, attempt: task.attempt, from };
});

app.task("confirm", { description: "Asks a person.", input: z.object({}) }, async (_, task) => {
  const { sure } = await task.ask("Go on?", z.object({ sure: z.boolean() }));
  return { sure, attempt: task.attempt };
});

void app.listen({ port: Number(port) }).then(({ url }) => process.stdout.write(`ready ${url}\n`));
