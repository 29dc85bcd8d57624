/** Who asks where nobody was told that it would: its author hears of it. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { silent, testApp } from "../app/app.fixture.ts";
import type { PerdureOptions, App } from "../app/app.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const sure = z.object({ sure: z.boolean() });

interface Given extends Pick<PerdureOptions, "tools"> {
  readonly asks?: boolean;
  /** Lines that the task logs before it asks. */
  readonly lines?: number;
  readonly serve?: (app: App) => unknown;
}

/** What the log and the timelines of two tasks of a tool say, each of which asks twice, in two runs. */
async function warnings({
  asks = false,
  lines = 0,
  serve = (app) => app.fetchHandler(),
  ...options
}: Given = {}) {
  const logged: string[] = [];
  const logger = { ...silent, warn: (_: object, message?: string) => void logged.push(message ?? "") };
  const clock = new ManualClock();
  const app = testApp({ clock, logger, linger: "1ms", ...options });
  app.task("confirm", { description: "", input: z.object({}), asks }, async (_, { ask, sample, log }) => {
    for (let line = 0; line < lines; line++) log.debug("a line");
    await sample({ messages: [] }, { timeout: "1s" }).catch(() => undefined);
    await ask("first?", sure);
    await ask("second?", sure);
  });
  serve(app);
  await app.start();
  const timelines: string[][] = [];
  for (let task = 0; task < 2; task++) {
    const { id } = await app.submit("confirm", {});
    await clock.advance("5s");
    for (let asked = 0; asked < 2; asked++) {
      const [question] = await app.tasks.questions(id);
      await app.tasks.answer(id, question?.key ?? "", { action: "accept", content: { sure: true } });
      await clock.advance("1s");
    }
    expect(await app.tasks.get(id)).toMatchObject({ status: "completed" });
    const events = await app.tasks.timeline(id);
    timelines.push(
      events.flatMap((event) =>
        event.type === "log" && event.level === "warning" ? [`${event.level}: ${event.message}`] : [],
      ),
    );
  }
  return { logged, timelines };
}

describe("a task that asks, of a tool that did not say so", () => {
  it("warns once in the log, and once in the timeline of each task, and says what to set", async () => {
    const { logged, timelines } = await warnings();
    const said = expect.stringMatching(
      /"confirm" asks, and answer_task is not offered.*Set asks: true/,
    ) as string;
    expect(logged).toEqual([said]);
    expect(timelines).toEqual([[said], [said]]);
  });

  it("warns once also where more than one page of the timeline lies before", async () => {
    const { timelines } = await warnings({ lines: 1_500 });
    expect(timelines.map((said) => said.length)).toEqual([1, 1]);
  });

  it.each<[string, Given]>([
    ["says so", { asks: true }],
    ["is not served", { serve: () => undefined }],
    ["hides answer_task", { tools: { hide: ["answer_task"] } }],
  ])("does not warn where it %s", async (_, given) => {
    expect(await warnings(given)).toEqual({ logged: [], timelines: [[], []] });
  });
});
