import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forever, testApp } from "./app.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

/** A task of ann's that has ended, and one that runs. */
async function annsTasks() {
  const app = testApp();
  app.task("whoami", { description, input }, (_, task) => task.owner);
  app.task("hang", { description, input }, () => forever);
  await app.start();
  const ended = await app.submit("whoami", {}, { owner: "ann" });
  expect(await ended.result()).toBe("ann");
  const running = await app.submit("hang", {}, { owner: "ann" });
  return { app, ended, running };
}

const notFound = { name: "PerdureError", code: "TASK_NOT_FOUND" };

describe("a task is its owner's", () => {
  it("and for anyone else as if it did not exist", async () => {
    const { app, ended, running } = await annsTasks();
    const owner = "bob";
    for (const { id } of [ended, running]) {
      expect(await app.tasks.get(id, { owner })).toBeUndefined();
      const foreign = app.tasks.handle(id, { owner });
      await expect(foreign.status()).rejects.toMatchObject(notFound);
      await expect(foreign.result()).rejects.toMatchObject(notFound);
      await expect(foreign.cancel()).rejects.toMatchObject(notFound);
      await expect(foreign.watch().next()).rejects.toMatchObject(notFound);
      await expect(app.tasks.timeline(id, { owner })).rejects.toMatchObject(notFound);
      await expect(app.tasks.cancel(id, { owner })).rejects.toMatchObject(notFound);
      await expect(app.tasks.retry(id, { owner })).rejects.toMatchObject(notFound);
      await expect(app.tasks.delete(id, { owner })).rejects.toMatchObject(notFound);
    }
    expect((await app.tasks.list({ owner })).tasks).toEqual([]);
    expect(await running.status()).toMatchObject({ phase: "running" });
  });

  it("whose error says the same for one that never was", async () => {
    const { app, ended } = await annsTasks();
    const never = `${ended.id.slice(0, -1)}${ended.id.endsWith("0") ? "1" : "0"}`;
    const say = (id: string) =>
      app.tasks
        .handle(id, { owner: "bob" })
        .status()
        .then(
          () => "",
          (error: unknown) => (error as Error).message.replace(id, "ID"),
        );
    expect(await say(ended.id)).toBe(await say(never));
  });

  it("and is at the owner's hand, and the operator's", async () => {
    const { app, ended, running } = await annsTasks();
    for (const owner of ["ann", undefined]) {
      expect(await app.tasks.get(ended.id, { owner })).toMatchObject({ owner: "ann", result: "ann" });
      expect((await app.tasks.list({ owner })).tasks).toHaveLength(2);
    }
    const again = await app.tasks.retry(ended.id);
    expect(await again.status()).toMatchObject({ owner: "ann", retryOf: ended.id });
    expect(await app.tasks.cancel(running.id, { owner: "ann" })).toBe(true);
    await app.tasks.delete(running.id, { owner: "ann" });
    expect(await app.tasks.get(running.id)).toBeUndefined();
  });

  it("who is local where nobody is named", async () => {
    const { app } = await annsTasks();
    const handle = await app.submit("whoami", {});
    expect(await handle.result()).toBe("local");
  });

  it("and a name that no store could keep is refused", async () => {
    const { app } = await annsTasks();
    await expect(app.submit("whoami", {}, { owner: "" })).rejects.toMatchObject({ code: "INVALID_VALUE" });
    await expect(app.submit("whoami", {}, { owner: "a\0b" })).rejects.toMatchObject({
      code: "INVALID_VALUE",
    });
  });
});
