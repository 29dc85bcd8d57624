/** Asking the client's own model: a question of its own mode, answered like any other. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const request = { messages: [{ role: "user", content: { type: "text", text: "Name it." } }], maxTokens: 10 };
const result = { role: "assistant", content: { type: "text", text: "Ada" }, model: "m" };

async function sampling() {
  const clock = new ManualClock();
  const app = testApp({ clock });
  app.task("name", { description: "", input: z.object({}) }, async (_, task) => task.sample(request));
  await app.start();
  const handle = await app.submit("name", {});
  await clock.advance("10s");
  const [question] = await app.tasks.questions(handle.id);
  return { app, clock, handle, question };
}

describe("sample", () => {
  it("carries the request as the protocol has it, and returns the client's result", async () => {
    const { app, clock, handle, question } = await sampling();
    expect(question).toMatchObject({ mode: "sample", request });
    await app.tasks.answer(handle.id, question?.key ?? "", { action: "accept", content: result });
    await clock.advance("1s");
    expect(await handle.result()).toEqual(result);
  });

  it("says what is missing when no client that can has answered", async () => {
    const { clock, handle } = await sampling();
    await clock.advance("5m");
    await expect(handle.result()).rejects.toMatchObject({
      code: "EXPIRED",
      message: expect.stringContaining("declares sampling") as string,
    });
  });
});
