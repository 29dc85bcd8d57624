import { describe, expect, it } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { ProgressReport } from "./held-call.ts";

function beating({ token = true, logging = false }: { token?: boolean; logging?: boolean } = {}) {
  const clock = new ManualClock();
  const progress: ProgressReport[] = [];
  const lines: string[] = [];
  let comments = 0;
  const heartbeat = new Heartbeat({
    clock,
    intervalMs: 5_000,
    tool: "train",
    sink: {
      ...(token && { progress: (report) => void progress.push(report) }),
      ...(logging && { log: (line) => void lines.push(`${line.level} ${line.message}`) }),
      keepAlive: () => void comments++,
    },
  });
  return { clock, heartbeat, progress, lines, comments: () => comments };
}

const rising = (reports: readonly ProgressReport[]) =>
  reports.every(
    ({ progress }, index) => index === 0 || progress > (reports[index - 1]?.progress ?? Infinity),
  );

describe("a heartbeat with a progress token", () => {
  it("passes on what is reported at once, and nothing else meanwhile", async () => {
    const { clock, heartbeat, progress } = beating();
    for (let done = 1; done <= 8; done++) {
      heartbeat.report({ done, total: 8, message: `epoch ${done}` });
      await clock.advance("250ms");
    }
    expect(progress).toEqual(
      Array.from({ length: 8 }, (_, n) => ({ progress: n + 1, total: 8, message: `epoch ${n + 1}` })),
    );
  });

  it("tells the elapsed time when nothing was reported for an interval", async () => {
    const { clock, progress } = beating();
    await clock.advance("4999ms");
    expect(progress).toEqual([]);
    await clock.advance("10001ms");
    expect(progress.map(({ message }) => message)).toEqual([
      "train is running (5 s)",
      "train is running (10 s)",
      "train is running (15 s)",
    ]);
    expect(rising(progress)).toBe(true);
  });

  it("repeats the last message, and raises progress by less than one unit, however long it is silent", async () => {
    const { clock, heartbeat, progress } = beating();
    heartbeat.report({ done: 1, total: 10 });
    heartbeat.report({ done: 2, total: 10, message: "loss 0.5" });
    await clock.advance("1h");
    const beats = progress.slice(2);
    expect(beats).toHaveLength(720);
    expect(beats[0]).toMatchObject({ total: 10, message: "loss 0.5 (5 s)" });
    expect(beats.at(-1)?.message).toBe("loss 0.5 (3600 s)");
    expect(rising(progress)).toBe(true);
    expect(beats.at(-1)?.progress).toBeLessThan(3);
    heartbeat.report({ done: 3, total: 10, message: "loss 0.4" });
    expect(progress.at(-1)).toEqual({ progress: 3, total: 10, message: "loss 0.4" });
  });

  it("does not take the first report for a step: a call may join a task that is far on", async () => {
    const { clock, heartbeat, progress } = beating();
    heartbeat.report({ done: 50, total: 100 });
    await clock.advance("1m");
    expect(progress.at(-1)?.progress).toBeLessThan(51);
    expect(rising(progress)).toBe(true);
  });

  it.each([
    ["bytes", [1e9, 5e9, 9e15]],
    ["fractions", [1e-9, 2e-9, 3e-9]],
    ["nothing yet", [0]],
    ["below zero", [-20, -10]],
  ])("rises with each notification where %s are counted", async (_, counts) => {
    const { clock, heartbeat, progress } = beating();
    for (const done of counts) {
      heartbeat.report({ done });
      heartbeat.report({ done, message: "the same count" });
      heartbeat.report({ done, message: "and again" });
      await clock.advance("20s");
    }
    expect(rising(progress)).toBe(true);
  });

  it("says nothing twice", () => {
    const { heartbeat, progress } = beating();
    heartbeat.report({ done: 1, message: "a" });
    heartbeat.report({ done: 1, message: "a" });
    expect(progress).toHaveLength(1);
  });

  it("is silent for ever once it is stopped", async () => {
    const { clock, heartbeat, progress } = beating();
    heartbeat.report({ done: 1 });
    heartbeat.stop();
    await clock.advance("1m");
    heartbeat.log({ level: "info", message: "late" });
    await clock.advance("1m");
    expect(progress).toHaveLength(1);
  });
});

describe("a heartbeat without a progress token", () => {
  it("is a log message where the client asked for logging", async () => {
    const { clock, heartbeat, lines, comments } = beating({ token: false, logging: true });
    heartbeat.report({ done: 1, message: "epoch 1" });
    heartbeat.log({ level: "warning", message: "hot" });
    await clock.advance("5s");
    expect(lines).toEqual(["warning hot", "info epoch 1 (5 s)"]);
    expect(comments()).toBe(0);
  });

  it("keeps the connection open otherwise", async () => {
    const { clock, comments } = beating({ token: false });
    await clock.advance("20s");
    expect(comments()).toBe(4);
  });
});
