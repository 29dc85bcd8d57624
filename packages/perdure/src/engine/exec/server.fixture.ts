/** `server.fixture.ts STORE`: runs a task that runs a program, and says the pids of it and of what that started. */
import { z } from "zod";
import { perdure } from "../../app/app.ts";
import { programStore } from "../../store/program-store.fixture.ts";

const [store = "", where = "here"] = process.argv.slice(2);
const app = perdure({ name: "server", version: "1.0.0", store: programStore(store) });
const options = { description: "", input: z.object({ do: z.string() }) };
if (where === "here") {
  app.task("work", options, (_, task) =>
    task.exec("sh", ["-c", "sleep 1000 & echo $$ $!; wait"], {
      name: "work",
      onLine: (pids) => task.progress(1, undefined, pids),
    }),
  );
} else {
  app.task("work", { ...options, run: new URL("../threads/fixtures/work.fixture.ts", import.meta.url) });
}

async function main(): Promise<void> {
  await app.start();
  const [open] = (await app.tasks.list({ status: "working" })).tasks;
  const handle =
    open === undefined ? await app.submit("work", { do: "exec and sleep" }) : app.tasks.handle(open.id);
  for await (const event of handle.watch()) {
    if (event.type === "progress") process.stdout.write(`${event.message ?? ""}\n`);
  }
}

void main();
