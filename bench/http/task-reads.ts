/** `tasks/get` of running tasks, as a client that polls asks for them, against node:http with a `SELECT` by id. */
import { join } from "node:path";
import type { Benchmark } from "../benchmark.ts";
import { concurrency, input } from "../subject.ts";
import { type Caller, load, openCallers } from "./load.ts";
import { request2026 } from "./requests.ts";
import { startServer } from "./server-process.ts";

const tasks = 2_048;
/** See `status-reads.ts`. */
const stride = 1_031;

export const taskReads: Benchmark = {
  name: "tasks/get, of node:http with a SELECT",
  target: 0.5,
  async prepare(folder) {
    const subject = await startServer("starts.server.ts", join(folder, "reads.db"));
    const reference = await startServer("bare.server.ts", folder);
    const ours = await openCallers(subject.url, concurrency);
    const theirs = await openCallers(reference.url, concurrency);
    return {
      subject: load({ callers: ours, request: await readsOf(ours), expected: '"status":"working"' }),
      reference: load({ callers: theirs, request: await readsOf(theirs), expected: '"status":"working"' }),
      async close() {
        for (const caller of [...ours, ...theirs]) caller.close();
        for (const server of [subject, reference]) server[Symbol.dispose]();
      },
    };
  },
};

/** Starts tasks, and gives the requests that ask for them in turn. */
async function readsOf(callers: readonly Caller[]): Promise<(caller: Caller, count: number) => Uint8Array> {
  const start = request2026("tools/call", { name: "bench", arguments: input }, { tasks: true });
  const reads: Uint8Array[] = [];
  while (reads.length < tasks) {
    const started = await Promise.all(callers.map((caller) => caller.call(start, '"taskId"')));
    reads.push(
      ...started.map((body) => request2026("tasks/get", { taskId: taskIdOf(body) }, { tasks: true })),
    );
  }
  return (_, count) => reads[(count * stride) % reads.length] ?? start;
}

function taskIdOf(body: string): string {
  return (JSON.parse(body) as { readonly result: { readonly taskId: string } }).result.taskId;
}
