/** The program under test: an app with its tools, and the caller that gives them work. */
import { startProgram } from "./start.ts";

const { app, client, close, journal, points } = startProgram();
process.once("SIGTERM", () => {
  void close(30).then(() => process.exit(0));
});

await app.start();
journal.append({ event: "ready" });
process.stdout.write("ready\n");
await client.run();
await close(1_000);
journal.append({ event: "points", count: points.count });
journal.append({ event: "done" });
