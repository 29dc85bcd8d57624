import { describe, expect, it, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { type AgentMemory, MemoryError, type MemoryMessage } from "../delivery/memory.ts";
import { agentCoreMemory, type AgentCoreMemoryOptions } from "./agentcore-memory.ts";
import { context, end, type Local, message, startLocal } from "./memory.fixture.ts";
import { parseMessages } from "./session-format.ts";
import { deliveryKey } from "./session-rest.ts";

const minute = 60_000;

function sinkOf({ client }: Local, options: AgentCoreMemoryOptions = {}): AgentMemory {
  return agentCoreMemory({ client, ...options });
}

const append = (sink: AgentMemory, what: MemoryMessage): Promise<void> =>
  sink.append(what, { signal: new AbortController().signal });

async function kindOf(appended: Promise<void>): Promise<string> {
  const thrown: unknown = await appended.then(
    () => undefined,
    (error: unknown) => error,
  );
  return thrown instanceof MemoryError ? thrown.kind : String(thrown);
}

describe("a message of the outbox", () => {
  it("is one event, which a session manager restores with alternating roles", async () => {
    const local = await startLocal();
    await local.begin();
    await local.say("user", "train it", new Date(Date.now() - 2_000));
    await local.say("assistant", "it has begun", new Date(Date.now() - 1_000));
    await append(sinkOf(local), message(end(1, '{"accuracy":0.9}')));
    const restored = await local.restored();
    expect(restored.map((said) => said.split(":")[0])).toEqual(["user", "assistant", "user", "assistant"]);
    expect(restored[2]).toContain('\n<tool_output tool="train" task_id="task-1"');
    expect(restored[2]).toContain('\n| {"accuracy":0.9}\n</tool_output>');
    expect(restored[3]).toMatch(/^assistant: Noted: .*\(train\)/);
    const [event] = (await local.events()).slice(-1);
    expect(event?.metadata).toEqual({
      [deliveryKey]: { stringValue: end(1, "").key },
      taskId: { stringValue: "task-1" },
      tool: { stringValue: "train" },
      kind: { stringValue: "end" },
      status: { stringValue: "completed" },
    });
  });

  it("of 100,000 characters or more is the pair in a blob", async () => {
    const local = await startLocal();
    await append(sinkOf(local), message(end(1, "x".repeat(150_000))));
    const [event] = await local.events();
    expect(event?.payload?.map((item) => Object.keys(item)[0])).toEqual(["blob", "conversational"]);
    expect(parseMessages(event?.payload)).toHaveLength(2);
  });

  it("is kept once, however often it comes, from whatever process, at whatever time", async () => {
    for (const clientTokenMismatch of ["ignore", "refuse"] as const) {
      const local = await startLocal({ clientTokenMismatch });
      const one = { ...message(end(1, "once")), since: Date.now() - minute };
      await append(sinkOf(local), one);
      await append(sinkOf(local), { ...one, tries: 2 });
      for (let line = 0; line < 120; line++) await local.say("user", `and ${line}?`);
      await Promise.all([1, 2, 3].map(() => append(sinkOf(local), one)));
      expect((await local.restored()).filter((said) => said.includes("| once"))).toHaveLength(1);
    }
  });

  it("is kept once when two write it at the same moment", async () => {
    const local = await startLocal();
    const one = message(end(1, "once"));
    await Promise.all(Array.from({ length: 10 }, () => append(sinkOf(local), one)));
    expect(await local.events()).toHaveLength(1);
  });

  it("that was accepted and answered with 500 is not written again", async () => {
    const local = await startLocal();
    local.local.faults.next({ operation: "CreateEvent", acceptThenFail: true });
    const one = message(end(1, "once"));
    expect(await kindOf(append(sinkOf(local), one))).toBe("unavailable");
    await append(sinkOf(local), { ...one, tries: 2 });
    expect(await local.events()).toHaveLength(1);
  });

  it("comes after all that was there: times strictly increase, also beyond a clock that is ahead", async () => {
    const local = await startLocal();
    const ahead = new Date(Date.now() + 10 * minute);
    await local.say("assistant", "from the future", ahead);
    for (let number = 1; number <= 5; number++) {
      await append(sinkOf(local), message(end(number, `result ${number}`)));
    }
    const times = (await local.events()).map(({ eventTimestamp }) => eventTimestamp?.getTime());
    expect(times).toEqual([0, 1, 2, 3, 4, 5].map((ms) => ahead.getTime() + ms));
  });

  it("keeps its order with others of several tasks in one event", async () => {
    const local = await startLocal();
    const entries = Array.from({ length: 20 }, (_, number) => end(number, `result ${number}`));
    await append(sinkOf(local), message(...entries));
    const [event] = await local.events();
    const said = JSON.stringify(event?.payload);
    const places = entries.map((_, number) => said.indexOf(`| result ${number}\\`));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(event?.metadata?.["taskId"]?.stringValue?.split(" ").slice(0, 3)).toEqual([
      "task-0",
      "task-1",
      "task-2",
    ]);
  });
});

describe("a place in the conversation", () => {
  const toolUse = { toolUse: { toolUseId: "t-1", name: "train", input: {} } };
  const toolResult = { toolResult: { toolUseId: "t-1", status: "success", content: [{ text: "begun" }] } };

  it("is not between a toolUse and its toolResult, for as long as a tool may take", async () => {
    const local = await startLocal();
    const clock = new ManualClock(1_800_000_000_000);
    const sink = sinkOf(local, { clock });
    await local.begin();
    await local.say("assistant", toolUse, new Date(clock.now()));
    const one = message(end(1, "late"));
    const refused = await append(sink, one).catch((error: unknown) => error);
    expect(refused).toMatchObject({ kind: "conflict", retryAfterMs: 15 * minute });
    expect(await local.restored()).toEqual(["assistant: toolUse"]);

    await clock.advance(5_000);
    await local.say("user", toolResult, new Date(clock.now()));
    expect(await kindOf(append(sink, one))).toBe("conflict");
    await local.say("assistant", "it has begun", new Date(clock.now() + 1_000));
    await append(sink, one);
    expect((await local.restored()).map((said) => said.slice(0, 16))).toEqual([
      "assistant: toolU",
      "user: toolResult",
      "assistant: it ha",
      "user: [Delivered",
      "assistant: Noted",
    ]);
  });

  it("is behind a toolUse whose agent has died", async () => {
    const local = await startLocal();
    const clock = new ManualClock(1_800_000_000_000);
    const sink = sinkOf(local, { clock, patience: { toolUse: "1m" } });
    await local.say("assistant", toolUse, new Date(clock.now()));
    expect(await kindOf(append(sink, message(end(1, "late"))))).toBe("conflict");
    await clock.advance(minute);
    await append(sink, message(end(1, "late")));
    expect(await local.events()).toHaveLength(2);
  });

  it("is before a turn that begins after the look, however late it is written", async () => {
    const local = await startLocal();
    await local.say("assistant", "anything else?", new Date(Date.now() - 3_000));
    await append(sinkOf(local), message(end(1, "result")));
    // Python's manager with a batch: told before, written after.
    await local.say("user", "train again", new Date(Date.now() - 2_000));
    await local.say("assistant", toolUse, new Date(Date.now() - 1_000));
    await local.say("user", toolResult);
    expect((await local.restored()).map((said) => said.slice(0, 15))).toEqual([
      "assistant: anyt",
      "user: [Delivere",
      "assistant: Note",
      "user: train aga",
      "assistant: tool",
      "user: toolResul",
    ]);
  });

  it("is behind the markers of the agent, which come a moment later; of no agent it waits for none", async () => {
    const local = await startLocal();
    const clock = new ManualClock(1_800_000_000_000);
    const sink = sinkOf(local, { clock });
    const early = { ...message(end(1, "early")), since: clock.now() };
    expect(await kindOf(append(sink, early))).toBe("conflict");
    await local.begin();
    await append(sink, early);
    const [session, agent, result] = await local.events();
    expect([session, agent, result].map((event) => event?.metadata?.[deliveryKey] !== undefined)).toEqual([
      false,
      false,
      true,
    ]);

    const empty = await startLocal();
    await clock.advance(5_000);
    await append(sinkOf(empty, { clock }), early);
    expect(await empty.events()).toHaveLength(1);
  });
});

describe("what the service refuses with", () => {
  it.each([
    ["ThrottledException", "throttled"],
    ["ServiceQuotaExceededException", "quota"],
    ["RetryableConflictException", "conflict"],
    ["ValidationException", "refused"],
    ["InvalidInputException", "refused"],
    ["ResourceNotFoundException", "not-found"],
    ["AccessDeniedException", "denied"],
    ["ServiceException", "unavailable"],
    ["Disconnect", "unavailable"],
  ] as const)("%s is %s", async (error, kind) => {
    const local = await startLocal();
    local.local.faults.next({ operation: "CreateEvent", error });
    expect(await kindOf(append(sinkOf(local), message(end(1, "x"))))).toBe(kind);
    expect(await local.events()).toEqual([]);
  });

  it("nobody who answers is unavailable, and no name of a session is refused", async () => {
    const local = await startLocal();
    await local.local.close();
    expect(await kindOf(append(sinkOf(local), message(end(1, "x"))))).toBe("unavailable");
    const { memory: _, ...rest } = context;
    const nowhere = { ...message(end(1, "x")), context: rest };
    expect(await kindOf(append(sinkOf(local), nowhere))).toBe("refused");
  });
});

test("a session without a memory is written to the one of the options", async () => {
  const local = await startLocal();
  const { memory: memoryId, ...rest } = context;
  await append(sinkOf(local, { memoryId }), { ...message(end(1, "x")), context: rest });
  expect(await local.events()).toHaveLength(1);
});
