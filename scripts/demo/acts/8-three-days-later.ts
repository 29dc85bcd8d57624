/**
 * The agent and the server that one would deploy (`examples/agentcore`), on a local AgentCore Runtime, with the record in
 * Postgres: everybody who took part in a training is gone when it ends, and three days later its user is told.
 */
import { startPostgres } from "../../../packages/perdure/src/store/postgres/server.fixture.ts";
import { Deployment } from "../../../tests/story/deployment.ts";
import { tellTheStory } from "../../../tests/story/the-story.ts";
import type { Act } from "../stage.ts";

export const act: Act = {
  title: "AgentCore, whole: everybody is gone, and three days later the agent knows",
  withinMs: 120_000,
  play: async (stage) => {
    const postgres = await startPostgres();
    try {
      await using deployment = await Deployment.start({ databaseUrl: postgres.url });
      await deployment.startWorker();
      const { url, model } = deployment.local;
      stage.say(
        `A local AgentCore at ${url}, whose model is ${model}; a worker (process ${deployment.workerPid}); Postgres.`,
      );
      await tellTheStory(deployment, {
        say: (text) => {
          stage.bars.stop();
          stage.say(text);
        },
        prove: (claim, proof) => {
          stage.bars.stop();
          stage.prove(claim, proof);
        },
        progress: (done, total, message) => stage.bars.report("train_model", { done, total, message }),
      });
    } finally {
      await postgres.dispose();
    }
  },
};
