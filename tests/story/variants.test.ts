/** How else it may go: a failure, a question, an agent that lives on, a call that is waited for. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { type Conversation, dayMs, type Deployment, eventually, minuteMs } from "./deployment.ts";
import { deployed } from "./deployed.ts";
import { accuracyAlone, inWords, isAlive } from "./proofs.ts";

const deployment = deployed();
const limitMs = 90_000;

const conversationOf = (actorId: string): Conversation => ({
  actorId,
  sessionId: `conversation-of-${actorId}-0123456789-0123456789`,
});

/** Waits for an end, or for a question, which is open. */
async function deliveredAs(status: string, whose: Conversation): Promise<void> {
  await eventually(`${status} in the memory`, async () => {
    const events = await deployment().delivered(whose);
    return events.some(({ metadata }) => metadata?.["status"]?.stringValue === status) ? true : undefined;
  });
}

/** Every session of the Runtime is gone afterwards: processes and disks. */
async function threeDaysPass({ clock, local }: Deployment): Promise<void> {
  const sessions = local.sessions();
  const programs = await Promise.all(sessions.map(({ program }) => program));
  clock.advance(3 * dayMs);
  await Promise.all(sessions.map(({ ended }) => ended));
  expect(local.sessions()).toEqual([]);
  expect(programs.filter(({ pid, disk }) => isAlive(pid) || existsSync(disk))).toEqual([]);
}

test(
  "a failure is told with its cause, three days later",
  async () => {
    const bob = conversationOf("bob");
    const there = deployment();
    const earlier = there.calls.names.length;
    const asked = await there.ask(bob, "Please train a model, rate 1, hidden 4, batch 8, epochs 30.");
    expect(asked.text).toContain("runs in the background");
    await deliveredAs("failed", bob);
    await threeDaysPass(there);

    const { text } = await there.ask(bob, "Why did it fail?");
    expect(text).toContain("the model is worse than guessing: its loss is 2.33. A rate of 1 is wrong for it");
    expect(there.calls.names.slice(earlier)).toEqual(["train_model"]);
  },
  limitMs,
);

test(
  "a question waits three days for its answer, and nobody waits with it",
  async () => {
    const eve = conversationOf("eve");
    const there = deployment();
    const earlier = there.calls.names.length;
    const order = { epochs: 8, hidden: 8, seed: 3 };
    await there.ask(eve, `Please train a model, ${inWords(order)}, ask after 3.`);
    const taskId = await there.latestTask();
    await deliveredAs("open", eve);
    await threeDaysPass(there);
    expect(await there.record.summary({ taskId })).toMatchObject({ status: "input_required", attempt: 1 });

    expect((await there.ask(eve, "Any news?")).text).toMatch(/Accuracy \d+\.\d % after 3 epochs\. Go on\?/);
    await there.ask(eve, "Yes, go on.");
    await deliveredAs("completed", eve);
    const { text } = await there.ask(eve, "What accuracy did it reach?");
    expect(text).toContain(`accuracy ${await accuracyAlone(order)}`);
    expect(await there.record.summary({ taskId })).toMatchObject({ status: "completed", attempt: 2 });
    expect(there.calls.names.slice(earlier)).toEqual(["train_model", "answer_task"]);
  },
  limitMs,
);

test(
  "an agent that lives on learns of the result at its next turn",
  async () => {
    const joe = conversationOf("joe");
    const there = deployment();
    const earlier = there.calls.names.length;
    const order = { epochs: 12, hidden: 8, seed: 5 };
    await there.ask(joe, `Please train a model, ${inWords(order)}.`);
    const { pid } = await there.program("agent", joe);
    expect((await there.ask(joe, "How is it going?")).text).toMatch(/^I do not know/);
    await deliveredAs("completed", joe);
    const { text } = await there.ask(joe, "What accuracy did it reach?");
    expect(text).toContain(`accuracy ${await accuracyAlone(order)}`);
    expect((await there.program("agent", joe)).pid).toBe(pid);
    expect(there.calls.names.slice(earlier)).toEqual(["train_model"]);
  },
  limitMs,
);

test(
  "a call that is held keeps both sessions, and its answer is delivered to nobody a second time",
  async () => {
    const kim = conversationOf("kim");
    const there = deployment();
    await Promise.all(there.local.sessions().map((session) => session.stop()));
    const earlier = there.calls.names.length;
    const answer = there.ask(kim, "Please search good settings, patience 8.");
    const server = await eventually("the server's session", () => there.sessions("trainer")[0]);
    const taskId = await eventually("a first round", async () => {
      const [latest] = (await there.record.list({ limit: 1, status: "working" })).tasks;
      return latest?.tool === "search_settings" && latest.progress !== undefined ? latest.id : undefined;
    });
    // A request may take 15 minutes, and a session is not idle while it runs.
    there.clock.advance(14 * minuteMs);
    const { text } = await answer;
    const { rounds, accuracy } = resultOf(await there.record.get({ taskId }));
    expect(text).toContain(`rounds ${rounds}`);
    expect(text).toContain(`accuracy ${accuracy}`);
    expect(there.sessions("trainer")[0]?.startedAt).toBe(server.startedAt);
    await eventually("the end to be settled", async () =>
      (await there.record.get({ taskId }))?.delivery === undefined ? undefined : true,
    );
    expect(await there.delivered(kim)).toEqual([]);
    expect(there.calls.names.slice(earlier)).toEqual(["search_settings"]);
  },
  limitMs,
);

function resultOf(record: unknown): { readonly rounds: number; readonly accuracy: number } {
  return (record as { readonly result: { readonly rounds: number; readonly accuracy: number } }).result;
}
