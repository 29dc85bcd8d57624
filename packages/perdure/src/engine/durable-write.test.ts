/** A disk that is full for a while: SQLite refuses every write with code 13, under the real store. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { closeNow, testApp } from "../app/app.fixture.ts";
import { temporaryFile } from "../store/store-under-test.fixture.ts";
import { nodeSqlite, openSqliteStore, type SqliteDriver } from "../store/sqlite/index.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const description = "A tool of this test.";
const input = z.object({});

class Disk {
  full = false;
  /** Of reads of a saved state: another process holds the file. */
  busy = false;
  refused = 0;

  readonly driver: SqliteDriver = (file) => {
    const connection = nodeSqlite(file);
    const refuseWhenFull = (): void => {
      if (!this.full) return;
      this.refused++;
      throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    };
    const refuseWhenBusy = (): void => {
      if (!this.busy) return;
      this.refused++;
      throw Object.assign(new Error("database is locked"), { errcode: 5 });
    };
    return {
      exec: (sql) => connection.exec(sql),
      close: () => connection.close(),
      prepare: (sql) => {
        const statement = connection.prepare(sql);
        const writes = /^\s*(INSERT|UPDATE|DELETE|COMMIT)/i.test(sql);
        const reads = sql.includes("kind = 'saved'");
        return {
          get: (...values) => (
            writes && refuseWhenFull(),
            reads && refuseWhenBusy(),
            statement.get(...values)
          ),
          all: (...values) => (writes && refuseWhenFull(), statement.all(...values)),
          run: (...values) => (writes && refuseWhenFull(), statement.run(...values)),
        };
      },
    };
  };
}

function onDisk(retry = 0) {
  const disk = new Disk();
  const clock = new ManualClock();
  const store = openSqliteStore({ file: temporaryFile(), clock, driver: disk.driver });
  const app = testApp({ store, clock });
  const ran: string[] = [];
  let fill = "";
  const at = (place: string): void => {
    ran.push(place);
    if (place === fill) disk.full = true;
  };
  app.task("work", { description, input, retry }, async (_, task) => {
    at("begin");
    await task.step("pay", () => {
      at("step");
      return "paid";
    });
    at("save");
    await task.save({ done: true });
    at("report");
    task.progress(1, 1);
    at("end");
    if (retry > 0 && task.attempt === 1) throw new Error("once more");
    return "done";
  });
  return { disk, clock, app, ran, fillAt: (place: string) => (fill = place) };
}

describe("a full disk", () => {
  it.each(["begin", "step", "save", "report", "end"])(
    "is waited for where the handler writes, and nothing runs twice: full at %s",
    async (place) => {
      const { disk, clock, app, ran, fillAt } = onDisk();
      fillAt(place);
      await app.start();
      const handle = await app.submit("work", {});
      await clock.advance("30s");
      expect(await handle.status()).toMatchObject({ phase: "running" });
      expect(disk.refused).toBeGreaterThan(3);
      disk.full = false;
      await clock.advance("5s");
      expect(await handle.result()).toBe("done");
      expect(ran).toEqual(["begin", "step", "save", "report", "end"]);
      expect(await handle.status()).toMatchObject({ attempt: 1, errors: 0 });
    },
  );

  it("is waited for with the outcome of a failed attempt", async () => {
    const { disk, clock, app, fillAt } = onDisk(1);
    fillAt("end");
    await app.start();
    const handle = await app.submit("work", {});
    await clock.advance("30s");
    expect(await handle.status()).toMatchObject({ phase: "running", errors: 0 });
    disk.full = false;
    // The second attempt fills the disk again at its end.
    fillAt("never");
    await clock.advance("30s");
    expect(await handle.status()).toMatchObject({ status: "completed", errors: 1, attempt: 2 });
  });

  it("is waited for where the handler reads, as any trouble of the store: it is no failure of the task", async () => {
    const { disk, clock, app } = onDisk();
    app.task(
      "read",
      { description, input },
      async (_, task) => (await task.saved<string>()) ?? "nothing saved",
    );
    disk.busy = true;
    await app.start();
    const handle = await app.submit("read", {});
    await clock.advance("30s");
    expect(await handle.status()).toMatchObject({ phase: "running" });
    expect(disk.refused).toBeGreaterThan(3);
    disk.busy = false;
    await clock.advance("5s");
    expect(await handle.result()).toBe("nothing saved");
  });

  it("is asked ever more slowly", async () => {
    const { disk, clock, app, fillAt } = onDisk();
    fillAt("step");
    await app.start();
    await app.submit("work", {});
    await clock.advance("1m");
    const before = disk.refused;
    await clock.advance("1m");
    expect(disk.refused - before).toBeLessThan(30);
    disk.full = false;
  });

  it("refuses a submit at once, as something to try again, and creates nothing", async () => {
    const { disk, clock, app } = onDisk();
    await app.start();
    disk.full = true;
    await expect(app.submit("work", {})).rejects.toMatchObject({ code: "STORE_FULL", retryable: true });
    disk.full = false;
    expect((await app.tasks.list()).tasks).toEqual([]);
    const handle = await app.submit("work", {});
    await clock.advance("1s");
    expect(await handle.result()).toBe("done");
  });

  it("does not keep due tasks from running once there is room again", async () => {
    const { disk, clock, app } = onDisk();
    const handle = await app.submit("work", {}, { startAt: clock.now() + 1_000 });
    await app.start();
    disk.full = true;
    await clock.advance("10s");
    disk.full = false;
    await clock.advance("5s");
    expect(await handle.result()).toBe("done");
  });

  it("does not keep the application from closing", async () => {
    const { clock, app, fillAt } = onDisk();
    fillAt("step");
    await app.start();
    await app.submit("work", {});
    await clock.advance("1s");
    await closeNow(app, clock);
    await expect(app.start()).rejects.toMatchObject({ code: "APP_CLOSED" });
  });
});
