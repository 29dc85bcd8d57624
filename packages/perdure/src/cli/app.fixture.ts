/** What the tests of the commands serve: a tool that counts, and ends when, and as, it is told. */
import { existsSync } from "node:fs";
import { z } from "zod";
import { perdure } from "../app/app.ts";
import { bearerTokens } from "../wire/http/authenticate.ts";

const store = process.env["FIXTURE_STORE"];
const token = process.env["FIXTURE_TOKEN"];

export const app = perdure({
  name: "fixture",
  version: "1.0.0",
  store: store ?? "sqlite::memory:",
  hold: process.env["FIXTURE_HOLD"] === undefined ? "20s" : "300ms",
  ...(token !== undefined && { auth: bearerTokens({ [token]: "alice" }) }),
});

app.task(
  "count",
  {
    description: "Counts.",
    input: z.object({
      to: z.int().default(3),
      gate: z.string().optional().describe("It goes on counting until there is this file"),
      label: z.string().optional(),
      fail: z.boolean().default(false),
    }),
    output: z.object({ done: z.boolean(), label: z.string().optional() }),
  },
  async ({ to, gate, label, fail }, task) => {
    const isOpen = (): boolean => gate === undefined || existsSync(gate);
    for (let counted = 1; counted <= to || !isOpen(); counted++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      task.signal.throwIfAborted();
      task.progress(counted, to, `counted ${counted}`);
    }
    if (label === "artifact") {
      await task.artifact("../numbers.txt", `counted to ${to}\n`, { mediaType: "text/plain" });
    }
    if (fail) throw new Error("it was to fail");
    return { done: true, ...(label !== undefined && { label }) };
  },
);
