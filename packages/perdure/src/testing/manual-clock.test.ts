import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("ManualClock", () => {
  it("begins where it is told to, and stands still", async () => {
    const clock = new ManualClock(5_000);
    expect(clock.now()).toBe(5_000);
    await nextTurn();
    expect(clock.now()).toBe(5_000);
    expect(new ManualClock().now()).toBe(Date.UTC(2026, 0, 1));
  });

  it("advances by milliseconds or by a duration", async () => {
    const clock = new ManualClock(0);
    await clock.advance(250);
    expect(clock.now()).toBe(250);
    await clock.advance("2h");
    expect(clock.now()).toBe(7_200_250);
  });

  it("refuses to go back", async () => {
    const clock = new ManualClock(0);
    await expect(clock.advance(-1)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(clock.now()).toBe(0);
  });

  it("fires what is due, in order, each at its own time", async () => {
    const clock = new ManualClock(0);
    const fired: [string, number][] = [];
    const note = (name: string) => () => void fired.push([name, clock.now()]);
    clock.after(30, note("third"));
    clock.after(10, note("first"));
    clock.after(10, note("second"));
    clock.after(41, note("too late"));
    await clock.advance(40);
    expect(fired).toEqual([
      ["first", 10],
      ["second", 10],
      ["third", 30],
    ]);
    expect(clock.now()).toBe(40);
  });

  it("fires no timer twice, and none that was cancelled", async () => {
    const clock = new ManualClock(0);
    let fired = 0;
    clock.after(10, () => fired++);
    clock.after(10, () => fired++).cancel();
    await clock.advance(10);
    await clock.advance(100);
    expect(fired).toBe(1);
  });

  it("fires timers that were set on the way", async () => {
    const clock = new ManualClock(0);
    const beats: number[] = [];
    const beat = () => {
      beats.push(clock.now());
      clock.after(10, beat);
    };
    clock.after(10, beat);
    await clock.advance(35);
    expect(beats).toEqual([10, 20, 30]);
  });

  it("fires a timer of 0 ms that the work at the very end sets", async () => {
    const clock = new ManualClock(0);
    let fired = false;
    clock.after(10, () => {
      void nextTurn().then(() => clock.after(0, () => (fired = true)));
    });
    await clock.advance(10);
    expect(fired).toBe(true);
  });

  it("lets pending work go on between two timers", async () => {
    const clock = new ManualClock(0);
    const seen: string[] = [];
    clock.after(10, () => {
      void (async () => {
        await nextTurn();
        await nextTurn();
        seen.push(`committed at ${clock.now()}`);
      })();
    });
    clock.after(20, () => void seen.push("next timer"));
    await clock.advance(20);
    expect(seen).toEqual(["committed at 10", "next timer"]);
  });

  it("lets work that was pending before set its timers first", async () => {
    const clock = new ManualClock(0);
    let firedAt: number | undefined;
    void nextTurn().then(() => clock.after(5, () => (firedAt = clock.now())));
    await clock.advance(10);
    expect(firedAt).toBe(5);
  });

  it("stands still while it was told to wait for work of real time, and for what follows from it", async () => {
    const clock = new ManualClock(0);
    const seen: string[] = [];
    clock.after(10, () => {
      const twice = async (rest: number): Promise<void> => {
        await delay(20);
        seen.push(`work at ${clock.now()}`);
        if (rest > 1) clock.waitFor(twice(rest - 1));
      };
      clock.waitFor(twice(2));
      clock.waitFor(Promise.reject(new Error("a refused statement is an answer too")));
    });
    clock.after(20, () => void seen.push("next timer"));
    await clock.advance(20);
    expect(seen).toEqual(["work at 10", "work at 10", "next timer"]);
  });
});
