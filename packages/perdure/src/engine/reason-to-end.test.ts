/** What another process has decided about a running task reaches its handler as it is, however it is noticed. */
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { PerdureError } from "../task/errors.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

it("a cancel by another process is CANCELLED, also where a refused write comes before the notice", async () => {
  const record = temporaryStore();
  const app = testApp({ store: record });
  const { promise: ended, resolve } = Promise.withResolvers<readonly unknown[]>();
  app.task("busy", { description: "", input: z.object({}) }, async (_, task) => {
    for (let n = 0; ; n++) {
      const thrown = await task.save({ n }).then(
        () => undefined,
        (error: unknown) => (error as PerdureError).code,
      );
      if (thrown !== undefined) return resolve([thrown, (task.signal.reason as PerdureError).code]);
    }
  });
  await app.start();
  const { id } = await app.submit("busy", {});
  const other = openTestStore(undefined, record);
  onTestFinished(() => other.close());
  await other.cancel({ taskId: id, reason: "enough" });
  expect(await ended).toEqual(["CANCELLED", "CANCELLED"]);
});
