/** What happens to calls while nothing happens to the server. */
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { Refused, type TestClient } from "../client.ts";
import type { Deployment } from "../deployments/deployment.ts";
import { expectOneTask, journalOf, newArguments, type Scenario, taskOf } from "./scenario.ts";

const success: Scenario = {
  name: "success",
  async run({ client, folder }) {
    const args = newArguments();
    const outcome = await client.call("quick", args).outcome;
    expectOneTask(folder, args, outcome);
    expect(JSON.parse((outcome as { text: string }).text)).toEqual(
      (outcome as { structured: unknown }).structured,
    );
  },
};

const progress: Scenario = {
  name: "progress on the way",
  async run({ kind, client, folder }) {
    const args = newArguments(600);
    const call = client.call("slow", args);
    expectOneTask(folder, args, await call.outcome);
    // Strands shows none to its user.
    if (kind === "Strands with tasksConfig") return;
    const ticks = call.progress.map((message) => Number(/tick (\d+)/.exec(message)?.[1]));
    expect(ticks.length).toBeGreaterThan(2);
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
  },
};

const handOver: Scenario = {
  name: "a hand-over",
  async run({ client, folder }) {
    const [waited, background] = [newArguments(700), newArguments(400)];
    const calls = [
      client.call("slow_handed_over", waited),
      client.call("slow_background", background),
    ] as const;
    expectOneTask(folder, waited, await calls[0].outcome);
    expectOneTask(folder, background, await calls[1].outcome);
  },
};

const toolError: Scenario = {
  name: "a tool error",
  async run({ client }) {
    const outcome = await client.call("fails", newArguments()).outcome;
    expect(outcome).toEqual({
      kind: "result",
      isError: true,
      text: "there is no such data set",
      structured: undefined,
    });
  },
};

const protocolError: Scenario = {
  name: "a protocol error",
  async run({ kind, client }) {
    const outcome = await client.call("protocol_fails", newArguments()).outcome;
    // Who asks by a tool is answered by a tool: the SDK's server makes a result of every error of a tool.
    const byTool = { kind: "result", isError: true, text: "out of paper", structured: undefined };
    const error = { kind: "error", code: -32_050, message: "out of paper", data: { tray: 2 } };
    expect(outcome).toEqual(kind === "Strands with tasksConfig" ? byTool : error);
  },
};

const cancel: Scenario = {
  name: "cancel",
  async run({ client, folder, deployment }) {
    const args = newArguments(20_000);
    const call = client.call("slow", args);
    const taskId = await taskOf(folder, args, "saved");
    // Until then a call is hard to find from another process.
    if (several(deployment)) await pause(1_000);
    await call.cancel();
    expect(await call.outcome).toEqual({ kind: "cancelled" });
    const entries = await journalOf(folder, args, (all) => all.some(({ event }) => event === "aborted"));
    // Known: where another process took the cancellation, the handler's next write is refused before it is noticed.
    const codes = several(deployment) ? ["CANCELLED", "STALE_ATTEMPT"] : ["CANCELLED"];
    expect(codes).toContain(entries.at(-1)?.code);
    expect(await client.status(taskId)).toBe("cancelled");
  },
};

function several({ http }: Deployment): boolean {
  return http !== undefined && http.pids.length > 1;
}

const unknownId: Scenario = {
  name: "an unknown id",
  async run({ client }) {
    const said = await refusals(client, "0Vbic00000000000000000000000");
    expect(new Set(said).size).toBe(1);
  },
};

const foreignId: Scenario = {
  name: "a foreign id",
  async run({ client, folder, stranger }) {
    const args = newArguments(20_000);
    const call = client.call("slow", args);
    const taskId = await taskOf(folder, args);
    const other = stranger();
    try {
      // Nothing tells a task of somebody else from one that never was.
      expect(await refusals(other, taskId)).toEqual(await refusals(other, "0Vbic00000000000000000000000"));
    } finally {
      await other.close();
    }
    expect(await client.status(taskId)).toBe("working");
    await client.cancel(taskId);
    expect(await client.status(taskId)).toBe("cancelled");
    await call.outcome;
  },
};

const list: Scenario = {
  name: "a list of its tasks",
  async run({ client, folder, deployment, stranger }) {
    const args = [newArguments(), newArguments()] as const;
    const ids: string[] = [];
    for (const each of args) {
      await client.call("quick", each).outcome;
      ids.unshift(await taskOf(folder, each));
    }
    expect((await client.list()).slice(0, 2)).toEqual(ids);
    if (deployment.http === undefined) return;
    const other = stranger();
    try {
      expect(await other.list()).toEqual([]);
    } finally {
      await other.close();
    }
  },
};

const expiry: Scenario = {
  name: "an expired task",
  async run({ client, folder }) {
    const args = newArguments();
    expectOneTask(folder, args, await client.call("brief", args).outcome);
    const taskId = await taskOf(folder, args);
    await pause(1_600);
    expect(await refusals(client, taskId)).toEqual(await refusals(client, "0Vbic00000000000000000000000"));
  },
};

const patience: Scenario = {
  name: "it gives up after 1 s, and asks again",
  async run({ client, folder }) {
    const args = newArguments(2_000);
    const call = client.call("slow_unattended", args, { patienceMs: 1_000 });
    await expect(call.outcome).rejects.toThrow(/./);
    expectOneTask(folder, args, await client.again(call));
  },
};

/** What it says to every way to ask for a task that is not there; the id stands for itself. */
async function refusals(client: TestClient, taskId: string): Promise<string[]> {
  const asked = [() => client.status(taskId), () => client.result(taskId), () => client.cancel(taskId)];
  const said: string[] = [];
  for (const ask of asked) {
    const refusal = await ask().then(
      (answer) => expect.fail(`an answer came: ${JSON.stringify(answer)}`),
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(Refused);
    const { message, code } = refusal as Refused;
    said.push(`${code ?? "tool"}: ${message.replaceAll(taskId, "ID")}`);
  }
  return said;
}

export const peaceful: readonly Scenario[] = [
  success,
  progress,
  handOver,
  toolError,
  protocolError,
  cancel,
  unknownId,
  foreignId,
  list,
  expiry,
  patience,
];
