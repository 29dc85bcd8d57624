/** The held call through an application's endpoint, on a clock that the test moves. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { closeNow, testApp } from "../../app/app.fixture.ts";
import type { App, PerdureOptions } from "../../app/app.ts";
import type { TaskContext } from "../../engine/context.ts";
import { ProtocolError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { JsonValue } from "../../task/json.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { CallEnd } from "./call-end.ts";
import { holdCall, type HeldCall, type ProgressReport, waitForOutcome } from "./held-call.ts";
import type { ToolOutcome } from "./tool-result.ts";
import type { Service } from "../service.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

type Handler = (
  input: { readonly n: number },
  task: TaskContext,
  sleep: (ms: number) => Promise<void>,
) => Promise<JsonValue>;

interface Held {
  readonly clock: ManualClock;
  readonly app: App;
  readonly service: Service;
  /** Calls, and does not wait. */
  readonly call: (options?: CallOptions) => Call;
  readonly statuses: () => Promise<string[]>;
}

interface CallOptions extends Partial<Omit<HeldCall, "task">> {
  readonly tool?: string;
  readonly owner?: string;
}

interface Call {
  readonly outcome: Promise<ToolOutcome | undefined>;
  readonly progress: ProgressReport[];
  readonly taskId: () => TaskId | undefined;
  readonly end: (effect: "cancel" | "detach") => Promise<void>;
}

const turn: Handler = async ({ n }, _, sleep) => {
  await sleep(n);
  return { n };
};

async function held(
  handlers: Record<string, Handler | [Record<string, unknown>, Handler]> = { turn },
  options: Partial<PerdureOptions> = {},
): Promise<Held> {
  const clock = new ManualClock();
  const app = testApp({ ...options, clock });
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  for (const [name, declared] of Object.entries(handlers)) {
    const [own, handler] = Array.isArray(declared) ? declared : [{}, declared];
    const all = { description: name, input: z.object({ n: z.number() }), ...own };
    app.task(name, all, (input, task) => handler(input, task, sleep));
  }
  await app.start();
  const service = app.service();
  return {
    clock,
    app,
    service,
    call: ({ tool = "turn", owner = "ann", arguments: input = { n: 10_000 }, ...more } = {}) => {
      const end = new AbortController();
      const progress: ProgressReport[] = [];
      let taskId: TaskId | undefined;
      const task = service.tasks.get(tool);
      if (task === undefined) throw new Error(`there is no ${tool}`);
      const outcome = holdCall(service, {
        task,
        arguments: input,
        caller: { owner, session: undefined, clientName: undefined, headers: {} },
        sink: { progress: (report) => void progress.push(report), keepAlive: () => undefined },
        signal: end.signal,
        onTask: (id) => (taskId = id),
        ...more,
      });
      outcome.catch(() => undefined);
      return {
        outcome,
        progress,
        taskId: () => taskId,
        end: async (effect) => {
          end.abort(new CallEnd(effect, "the client said so"));
          await clock.advance(0);
        },
      };
    },
    statuses: async () => (await app.tasks.list()).tasks.map(({ status }) => status),
  };
}

const resultOf = async (call: Call) => {
  const outcome = await call.outcome;
  return outcome !== undefined && "result" in outcome ? outcome.result : undefined;
};
const caller = (clientName: string) => ({ owner: "ann", session: undefined, clientName, headers: {} });

describe("a held call", () => {
  it("waits for the result, with progress on the way", async () => {
    const { clock, call } = await held({
      turn: async ({ n }, task, sleep) => {
        for (let done = 1; done <= n; done++) {
          task.progress(done, n, `step ${done}`);
          await sleep(250);
        }
        return { n };
      },
    });
    const waiting = call({ arguments: { n: 12 } });
    await clock.advance("4s");
    expect((await resultOf(waiting))?.structuredContent).toEqual({ n: 12 });
    expect(waiting.progress.map(({ message }) => message)).toEqual(
      Array.from({ length: 12 }, (_, index) => `step ${index + 1}`),
    );
    await clock.advance("1m");
    expect(waiting.progress).toHaveLength(12);
  });

  it("is handed over when the client's patience ends, and the task goes on", async () => {
    const { clock, call, statuses } = await held(undefined, { hold: "5s", heartbeat: "1s" });
    const waiting = call();
    await clock.advance("4999ms");
    expect(waiting.progress).toHaveLength(4);
    await clock.advance("1ms");
    expect((await resultOf(waiting))?.structuredContent).toEqual({
      task_id: waiting.taskId(),
      status: "working",
      tool: "turn",
      poll_after_seconds: 5,
    });
    const beats = waiting.progress.length;
    await clock.advance("10s");
    expect(waiting.progress).toHaveLength(beats);
    expect(await statuses()).toEqual(["completed"]);
  });

  it("waits as long as the tool says, else the known client, else the application", async () => {
    const { clock, call } = await held(
      { turn, patient: [{ hold: "30s" }, turn] },
      {
        hold: "5s",
        clients: [
          { name: "Claude Code", hold: "10s" },
          { name: /^claude/g, hold: "20s" },
        ],
      },
    );
    const input = { n: 1_800_000 };
    const began = clock.now();
    const until = async (waiting: Call): Promise<number> => {
      const seen = { over: false };
      void waiting.outcome.then(() => (seen.over = true));
      const from = clock.now();
      while (!seen.over && clock.now() - began < 600_000) await clock.advance("1s");
      return clock.now() - from;
    };
    expect(await until(call({ arguments: input }))).toBe(5_000);
    expect(await until(call({ arguments: input, caller: caller("Claude Code") }))).toBe(10_000);
    // A global expression remembers where it was.
    for (const _ of [1, 2]) {
      expect(await until(call({ arguments: input, caller: caller("claude-ai") }))).toBe(20_000);
    }
    expect(await until(call({ tool: "patient", arguments: input, caller: caller("Claude Code") }))).toBe(
      30_000,
    );
  });

  it("of a tool that starts in the background is handed over at once", async () => {
    const { clock, call } = await held({ turn: [{ start: "background" }, turn] });
    const waiting = call();
    await clock.advance(0);
    expect((await resultOf(waiting))?.structuredContent).toMatchObject({
      tool: "turn",
      poll_after_seconds: 5,
    });
    expect(waiting.progress).toEqual([]);
  });

  it("with arguments that do not fit is a tool error, and no task", async () => {
    const { call, statuses } = await held();
    const result = await resultOf(call({ arguments: { n: "ten" } }));
    expect(result?.content[0]?.["text"]).toMatch(/^the input of turn does not fit its schema: n: /);
    expect(result?.isError).toBe(true);
    expect(await statuses()).toEqual([]);
  });

  it("tells errors as the author means them", async () => {
    const { clock, call } = await held({
      broken: () => Promise.reject(new Error("no such data set", { cause: new Error("/secret") })),
      refused: () => Promise.reject(new ProtocolError(-32_050, "out of paper", { data: { tray: 2 } })),
    });
    const [broken, refused] = [call({ tool: "broken" }), call({ tool: "refused" })];
    await clock.advance("1s");
    expect(await broken.outcome).toEqual({
      result: { content: [{ type: "text", text: "no such data set" }], isError: true },
    });
    expect(await refused.outcome).toEqual({
      error: { code: -32_050, message: "out of paper", data: { tray: 2 } },
    });
  });
});

describe("a call that stops waiting", () => {
  it("by a cancellation ends its task", async () => {
    const { clock, call, statuses } = await held();
    const waiting = call();
    await clock.advance("1s");
    await waiting.end("cancel");
    expect(await waiting.outcome).toBeUndefined();
    expect(await statuses()).toEqual(["cancelled"]);
  });

  it("by a detach leaves it, and is silent from then on", async () => {
    const { clock, call, statuses } = await held();
    const waiting = call();
    await clock.advance("1s");
    await waiting.end("detach");
    expect(await waiting.outcome).toBeUndefined();
    const told = waiting.progress.length;
    await clock.advance("20s");
    expect(waiting.progress).toHaveLength(told);
    expect(await statuses()).toEqual(["completed"]);
  });

  it("before its task was there, too", async () => {
    const { clock, call, statuses } = await held();
    const waiting = call();
    await waiting.end("cancel");
    await clock.advance("1s");
    expect(await waiting.outcome).toBeUndefined();
    expect(await statuses()).toEqual(["cancelled"]);
  });

  it("because the application closes has no answer, and no error", async () => {
    const { clock, app, call } = await held();
    const waiting = call();
    await clock.advance("1s");
    await closeNow(app, clock);
    expect(await waiting.outcome).toBeUndefined();
  });
});

describe("rejoin", () => {
  /** One call that was lost, and another after it: whether that joined. */
  async function joins(
    second: CallOptions,
    { lost = "detach", ...tool }: { lost?: "detach" | "told" | "waits" } & Record<string, unknown> = {},
  ): Promise<boolean> {
    const { clock, call } = await held({ turn: [tool, turn], other: turn }, { hold: "1m" });
    const input = { n: 1_800_000 };
    const first = call({ arguments: input });
    await clock.advance(lost === "told" ? "61s" : "1s");
    if (lost === "detach") await first.end("detach");
    const again = call({ arguments: input, ...second });
    await clock.advance("1s");
    return again.taskId() === first.taskId();
  }

  it("is for an equal call, however its arguments are ordered or written", async () => {
    expect(await joins({})).toBe(true);
    expect(await joins({ arguments: { n: 1_800_000 } })).toBe(true);
  });

  it.each([
    ["other arguments", { arguments: { n: 1_800_001 } }],
    ["another owner", { owner: "bob" }],
    ["another tool", { tool: "other" }],
  ])("is not for %s", async (_, second) => {
    expect(await joins(second)).toBe(false);
  });

  it("is not after a hand-over, nor while somebody waits, nor where the tool does not want it", async () => {
    expect(await joins({}, { lost: "told" })).toBe(false);
    expect(await joins({}, { lost: "waits" })).toBe(false);
    expect(await joins({}, { rejoin: false })).toBe(false);
  });

  it("is also for a server that was closed, or killed, and started again", async () => {
    const store = temporaryStore();
    const first = await held({ turn }, { store });
    const lost = first.call({ arguments: { n: 5_000 } });
    await first.clock.advance("1s");
    await closeNow(first.app, first.clock);
    const second = await held({ turn }, { store });
    const again = second.call({ arguments: { n: 5_000 } });
    await second.clock.advance("10s");
    expect((await resultOf(again))?.structuredContent).toEqual({ n: 5_000 });
    expect(again.taskId()).toBe(lost.taskId());
  });

  it("goes on with progress where it is, and does not run ahead", async () => {
    const { clock, call } = await held({
      turn: async (_, task, sleep) => {
        task.progress(50, 100, "half");
        await sleep(1_800_000);
        return null;
      },
    });
    const first = call();
    await clock.advance("1s");
    await first.end("detach");
    const again = call();
    await clock.advance("30s");
    expect(again.progress[0]).toEqual({ progress: 50, total: 100, message: "half" });
    expect(again.progress.at(-1)?.progress).toBeLessThan(51);
  });
});

it("every log line is passed on, also of a task that has written thousands before the call came", async () => {
  const app = testApp();
  app.task("talk", { description: "", input: z.object({}) }, async (_, task) => {
    for (const part of [1, 2, 3]) {
      for (let line = 0; line < 800; line++) task.log.info(`${part}.${line}`);
      await new Promise((resolve) => setTimeout(resolve, 250)); // of the lines that wait the latest are kept
    }
  });
  const service = app.service();
  await app.start();
  const handle = await app.submit("talk", {});
  await handle.result();
  const written = (await app.tasks.timeline(handle.id)).filter(({ type }) => type === "log").length;
  expect(written).toBeGreaterThan(1_500);
  const task = service.tasks.get("talk");
  if (task === undefined) throw new Error("it was declared");
  let heard = 0;
  await waitForOutcome(
    service,
    {
      task,
      caller: { owner: "local", trusted: true, session: undefined, clientName: undefined, headers: {} },
      sink: { log: () => heard++, keepAlive: () => undefined },
      signal: new AbortController().signal,
    },
    handle.id,
  );
  expect(heard).toBe(written);
});
