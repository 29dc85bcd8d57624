import { expect, it } from "vitest";
import { systemClock } from "../task/clock.ts";
import { History } from "./history.ts";
import { openTestStore } from "../store/store-under-test.fixture.ts";

it("says nothing of what a store that was closed meanwhile has refused", async () => {
  const store = openTestStore();
  await store.executor.start({ tools: [], wake: () => undefined });
  const told: unknown[] = [];
  const ended = Promise.withResolvers<void>();
  const history = new History({
    store: Object.assign(Object.create(store) as typeof store, {
      executor: store.executor,
      sessions: store.sessions,
      deleteExpired: async () => {
        history.stop();
        await store.close();
        setImmediate(ended.resolve);
        return 0;
      },
      compact: () => store.compact?.(),
    }),
    clock: systemClock,
    artifacts: undefined,
    onFailure: (error) => told.push(error),
  });
  history.start();
  await ended.promise;
  expect(told).toEqual([]);
});
