/**
 * The story: a training that its user, its agent and its server do not wait for. The demo and a test tell it; every claim
 * is proved before it is told.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { TaskId } from "perdure";
import { type Conversation, dayMs, type Deployment, eventually, minuteMs } from "./deployment.ts";
import {
  accuracyAlone,
  assertNoneAsked,
  inWords,
  isAlive,
  type Narrator,
  type Order,
  percent,
  seconds,
} from "./proofs.ts";

const order: Order = { epochs: 45, hidden: 16, seed: 7 };
const ann: Conversation = { actorId: "ann", sessionId: "conversation-of-ann-0123456789-0123456789" };

export async function tellTheStory(deployment: Deployment, narrator: Narrator): Promise<void> {
  const { clock, local, record } = deployment;
  const { say, prove, progress } = narrator;
  const trainedAlone = accuracyAlone(order);

  const asked = `Please train a model, ${inWords(order)}.`;
  say(`Ann asks: "${asked}"`);
  const { text: handedOver, tookMs } = await deployment.ask(ann, asked);
  say(`The agent: "${handedOver}"`);
  const taskId = await deployment.latestTask();
  const [agent, server] = await Promise.all([deployment.program("agent"), deployment.program("trainer")]);
  const epochThen = await deployment.savedEpoch(taskId);
  prove(
    `it answered after ${seconds(tookMs)}, two cold starts included, while the training is at epoch ${epochThen} of ${order.epochs}`,
    () => {
      assert(handedOver.includes(taskId), handedOver);
      assert(epochThen < order.epochs);
      assert.deepEqual(deployment.calls.names, ["train_model"]);
    },
  );

  const watch = async (least: number): Promise<void> => {
    await eventually(`epoch ${least}`, async () => {
      const { done = 0, message } = (await record.summary({ taskId }))?.progress ?? {};
      progress(done, order.epochs, message);
      return done >= least ? true : undefined;
    });
  };
  await watch(2);
  clock.advance(14 * minuteMs);
  await deployment.serverMoves();
  clock.advance(2 * minuteMs);
  const agentEnd = await agent.session.ended;
  prove(
    `Ann left; after 15 minutes the agent's session is reaped (${agentEnd}), and the server's, which works, is not`,
    () => {
      assert.equal(agentEnd, "idle");
      assert(!isAlive(agent.pid) && !existsSync(agent.disk));
      assert(isAlive(server.pid) && existsSync(server.disk));
    },
  );

  assert(server.pid !== undefined);
  process.kill(server.pid, "SIGKILL");
  const serverEnd = await server.session.ended;
  const savedAtDeath = await deployment.savedEpoch(taskId);
  prove(`the server's session is destroyed at epoch ${savedAtDeath} (SIGKILL), process and disk`, () => {
    assert.equal(serverEnd, "exited");
    assert(!isAlive(server.pid) && !existsSync(server.disk));
    assert(savedAtDeath >= 2 && savedAtDeath < order.epochs);
    assert.deepEqual(local.sessions(), []);
  });

  const next = await eventually("another attempt", () => nextAttempt(deployment, taskId, savedAtDeath));
  prove(
    `nobody calls; the worker outside (process ${deployment.workerPid}) takes it up: attempt ${next.attempt}, epoch ${next.epoch}`,
    () => {
      assert.equal(next.attempt, 2);
      assert(next.epoch > savedAtDeath && next.epoch < order.epochs, `epoch ${next.epoch}`);
    },
  );
  await watch(order.epochs);
  const [delivery] = await eventually("the result in the memory", async () => {
    const found = await deployment.delivered(ann);
    return found.length > 0 ? found : undefined;
  });
  prove("it has finished, and the result came to Ann's memory; no session has run meanwhile", () => {
    assert.deepEqual(delivery?.metadata?.["status"], { stringValue: "completed" });
    assert.deepEqual(local.sessions(), []);
  });

  clock.advance(3 * dayMs);
  say('Three days later Ann asks, with the same ids: "What accuracy did it reach?"');
  const { text: told } = await deployment.ask(ann, "What accuracy did it reach?");
  say(`The agent: "${told}"`);
  const accuracy = await trainedAlone;
  const later = await deployment.program("agent");
  prove(
    `a new process knows it: ${percent(accuracy)}, the very number of a training that was left alone`,
    () => {
      assert.notEqual(later.pid, agent.pid);
      assert(told.includes(`accuracy ${accuracy}`), told);
    },
  );
  prove(`all that the model ever called: ${deployment.calls.names.join(", ")}`, () => {
    assert.deepEqual(deployment.calls.names, ["train_model"]);
    assertNoneAsked(deployment.calls.names);
    assert.equal(deployment.sessions("trainer").length, 1);
  });

  await later.session.stop();
  const events = await deployment.events(ann);
  const since = events.slice(events.findIndex(({ eventId }) => eventId === delivery?.eventId));
  await deployment.forget(ann, since);
  const { text: unknown } = await deployment.ask(ann, "What accuracy did it reach?");
  say(`The agent: "${unknown}"`);
  prove("with the result deleted from the memory the agent does not know, and says so", () => {
    assert.match(unknown, /^I do not know/);
    assert(!unknown.includes(String(accuracy)));
    assert.deepEqual(deployment.calls.names, ["train_model"]);
  });
}

/** Progress would not tell it: that never goes back, also where a handler begins again. */
async function nextAttempt(deployment: Deployment, taskId: TaskId, before: number) {
  const epoch = await deployment.savedEpoch(taskId);
  if (epoch === before) return undefined;
  return { attempt: (await deployment.record.summary({ taskId }))?.attempt, epoch };
}
