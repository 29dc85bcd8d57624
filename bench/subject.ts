/** The application that is measured: one tool, whose handler returns what it is given. */
import { type App, perdure } from "perdure";
import { z } from "zod";

/** How many callers there are at once. */
export const concurrency = 64;
export const input = { customer: "c-1024", amount: 129.5, lines: ["one", "two", "three"] };

const schema = z.object({ customer: z.string(), amount: z.number(), lines: z.array(z.string()) });

export interface Subject {
  readonly app: App;
  readonly close: () => Promise<void>;
}

/** @param during is awaited by each run of the handler. */
export function subject(file: string, during?: () => void | Promise<void>): Subject {
  const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}` });
  app.task("bench", { description: "Returns at once.", input: schema }, async (order) => {
    await during?.();
    return { accepted: true, amount: order.amount };
  });
  return { app, close: () => app.close({ drainMs: 1_000 }) };
}

/** The same with the file made and opened, which an application does when it is first used. */
export async function openSubject(file: string, during?: () => void | Promise<void>): Promise<Subject> {
  const opened = subject(file, during);
  await opened.app.tasks.list({ limit: 1 });
  return opened;
}

/** Keeps `concurrency` of an operation going until `untilMs`; returns how many were done. */
export async function concurrently(untilMs: number, operation: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await operation();
      count++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return count;
}
