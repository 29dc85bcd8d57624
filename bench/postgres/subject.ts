/** The application that is measured, over Postgres: one tool, whose handler returns what it is given. */
import { type App, perdure } from "perdure";
import { openPostgresStore } from "perdure/postgres";
import { z } from "zod";
import { concurrently, input, type Subject } from "../subject.ts";

/** Of every pool here, perdure's and the references'. */
export const connections = 10;

/** The shortest there is. */
export const leaseMs = 10_000;

export const schema = z.object({ customer: z.string(), amount: z.number(), lines: z.array(z.string()) });

export async function openSubject(url: string): Promise<Subject> {
  const store = openPostgresStore({ url, maxConnections: connections });
  const app = perdure({ name: "bench", version: "1.0.0", store });
  app.task("bench", { description: "Returns at once.", input: schema }, async ({ amount }) => ({
    accepted: true,
    amount,
  }));
  await app.start();
  return { app, close: () => app.close({ drainMs: 1_000 }) };
}

/** From submit to result, again and again, at 64 concurrent. */
export const fromSubmitToResult =
  (app: App) =>
  (untilMs: number): Promise<number> =>
    concurrently(untilMs, async () => {
      const handle = await app.submit("bench", input);
      await handle.result();
    });
