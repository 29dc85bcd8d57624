/**
 * Starts over HTTP: of a client of 2026-07-28 with the tasks extension, and of one of 2025-11-25 that knows nothing of
 * tasks and calls a tool that goes on in the background.
 *
 * The SDK's servers are no measure of what a start may cost (they write nothing), but of what their users pay for a call
 * today: who comes from there is to lose nothing.
 */
import { join } from "node:path";
import type { Benchmark } from "../benchmark.ts";
import { concurrency, input } from "../subject.ts";
import { type Caller, load, openCallers } from "./load.ts";
import { request2025, request2026 } from "./requests.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const start = { name: "bench", arguments: input };
const durableStart = {
  request: constant(request2026("tools/call", start, { tasks: true })),
  expected: '"taskId"',
};
const sdkCall = { request: constant(request2026("tools/call", start, { tasks: false })), expected: '"done"' };

export const startsOfInserts = starts("start over HTTP, of node:http with the insert", {
  target: 0.5,
  callers: concurrency,
  reference: async (folder) => ({ server: await startServer("bare.server.ts", folder), ...durableStart }),
});

export const startsOfSdkCalls = starts("start over HTTP, of SDK v2 doing nothing", {
  target: 4,
  callers: concurrency,
  reference: async () => ({ server: await startServer("sdk-2.server.ts"), ...sdkCall }),
});

/**
 * One at a time a start is a flush of the disk and little else, and the SDK's call flushes nothing. Measured on a quiet
 * machine: 2,152 calls a second of the SDK, 2,197 of `bare.server.ts`, which is node:http and the insert and nothing of
 * ours, 1,718 of perdure. Where a flush takes as long as there, nothing durable is much faster than the target.
 */
export const singleStartsOfSdkCalls = starts("start over HTTP one at a time, of SDK v2 doing nothing", {
  target: 1,
  callers: 1,
  reference: async () => ({ server: await startServer("sdk-2.server.ts"), ...sdkCall }),
});

export const backgroundStarts: Benchmark = {
  name: "start of a 2025 client, of SDK 1.x in memory",
  target: 1,
  async prepare(folder) {
    const subject = await startServer("starts.server.ts", join(folder, "starts.db"));
    const reference = await startServer("sdk-1.server.ts");
    const call = { name: "background", arguments: input };
    return contest(
      {
        server: subject,
        request: inSession((session) => request2025("tools/call", call, session)),
        expected: '"task_id"',
      },
      {
        server: reference,
        request: inSession((session) => request2025("tools/call", { ...call, task: {} }, session)),
        expected: '"taskId"',
      },
      { callers: concurrency, sessions: true },
    );
  },
};

interface Side {
  readonly server: ServerProcess;
  readonly request: (caller: Caller) => Uint8Array;
  readonly expected: string;
}

function starts(
  name: string,
  options: { readonly target: number; readonly callers: number; reference(folder: string): Promise<Side> },
): Benchmark {
  const { target, callers } = options;
  return {
    name,
    target,
    async prepare(folder) {
      const server = await startServer("starts.server.ts", join(folder, "starts.db"));
      return contest({ server, ...durableStart }, await options.reference(folder), { callers });
    },
  };
}

async function contest(
  subject: Side,
  reference: Side,
  { callers, sessions = false }: { readonly callers: number; readonly sessions?: boolean },
) {
  const ours = await openCallers(subject.server.url, callers, { sessions });
  const theirs = await openCallers(reference.server.url, callers, { sessions });
  return {
    subject: load({ ...subject, callers: ours }),
    reference: load({ ...reference, callers: theirs }),
    async close() {
      for (const caller of [...ours, ...theirs]) caller.close();
      for (const { server } of [subject, reference]) server[Symbol.dispose]();
    },
  };
}

function constant(request: Uint8Array): () => Uint8Array {
  return () => request;
}

/** A request that is made once for each session. */
function inSession(make: (session: string) => Uint8Array): (caller: Caller) => Uint8Array {
  const made = new Map<string, Uint8Array>();
  return ({ session }) => {
    const request = made.get(session) ?? make(session);
    made.set(session, request);
    return request;
  };
}
