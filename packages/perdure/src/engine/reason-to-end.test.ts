/** What another process has decided about a running task reaches its handler as it is, however it is noticed. */
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { temporaryFile, testApp } from "../app/app.fixture.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { PerdureError } from "../task/errors.ts";

it("a cancel by another process is CANCELLED, also where a refused write comes before the notice", async () => {
  const file = temporaryFile();
  const app = testApp({ store: `sqlite:${file}` });
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
  const other = openSqliteStore({ file });
  onTestFinished(() => other.close());
  await other.cancel({ taskId: id, reason: "enough" });
  expect(await ended).toEqual(["CANCELLED", "CANCELLED"]);
});
