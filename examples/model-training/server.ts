/**
 * The two tools, served: `npx perdure serve examples/model-training/server.ts`, or by itself. `TRAINER_STORE` names the
 * file of the record, `sqlite:FILE`; without it the tasks are kept in the user's own state folder. `TRAINER_MEMORY`
 * names a memory of AgentCore, to which results are delivered that their callers did not wait for; `PORT` where it listens.
 */
import { perdure } from "perdure";
import { agentCoreMemory } from "perdure/agentcore";

import { declareTools } from "./tools.ts";

const store = process.env["TRAINER_STORE"];
const memoryId = process.env["TRAINER_MEMORY"];

const app = perdure({
  name: "trainer",
  version: "1.0.0",
  // An epoch takes well under a second: clients that ask for the status may ask as often.
  poll: "250ms",
  // A client that does not wait; others are given the result in their call.
  clients: [{ name: "hasty", hold: "1s" }],
  ...(store !== undefined && { store }),
  ...(memoryId !== undefined && {
    memory: agentCoreMemory({ memoryId }),
    delivery: { grace: "2s", rate: 1 },
  }),
});
declareTools(app);

export default app;

if (import.meta.main) {
  const { url } = await app.listen({ port: Number(process.env["PORT"] ?? 8000) });
  console.log(`Listening at ${url}`);
}
