import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock, settle } from "../../testing/manual-clock.ts";
import { ThreadPool } from "./pool.ts";

function newPool(clock: ManualClock): ThreadPool {
  const pool = new ThreadPool({
    tool: "work",
    module: new URL("./fixtures/work.fixture.ts", import.meta.url),
    clock,
    maxMemoryBytes: 2 ** 30,
    resourceLimits: {},
  });
  onTestFinished(async () => void (await pool.close(1_000)));
  return pool;
}

describe("the threads of a tool", () => {
  it("are kept warm for the next, the last one first", () => {
    const pool = newPool(new ManualClock());
    const [first, second] = [pool.take(), pool.take()];
    pool.giveBack(first);
    pool.giveBack(second);
    expect([pool.take(), pool.take()]).toEqual([second, first]);
    expect(pool.size).toBe(2);
  });

  it("end when they were idle for ten seconds", async () => {
    const clock = new ManualClock();
    const pool = newPool(clock);
    const [idle, busy] = [pool.take(), pool.take()];
    pool.giveBack(idle);
    await clock.advance("9s");
    expect(idle.alive).toBe(true);
    await clock.advance("1s");
    await idle.gone;
    expect(pool.size).toBe(1);
    expect(busy.alive).toBe(true);
  });

  it("that died while they were idle are not taken", async () => {
    const pool = newPool(new ManualClock());
    const dead = pool.take();
    pool.giveBack(dead);
    await dead.end();
    await settle();
    expect(pool.take()).not.toBe(dead);
    expect(pool.size).toBe(1);
  });

  it("end with the pool, also one that is given back later", async () => {
    const pool = newPool(new ManualClock());
    const [idle, busy] = [pool.take(), pool.take()];
    pool.giveBack(idle);
    const closed = pool.close(1_000);
    pool.giveBack(busy);
    expect(await closed).toBe(0);
    await Promise.all([idle.gone, busy.gone]);
    expect(pool.size).toBe(0);
  });
});
