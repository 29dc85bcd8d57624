/**
 * The training tools as a container on AgentCore Runtime has them. A session's disk goes with the session, so the record
 * is in Postgres; and a session may be ended in the middle of a training, so the same file also works outside of the
 * Runtime, without a port: `perdure worker server.ts`. Everything comes from the environment: `PERDURE_HOSTING`,
 * `DATABASE_URL`, `MEMORY_ID`, and what every AWS SDK reads.
 */
import { perdure } from "perdure";
import { agentCoreMemory, platformAuth } from "perdure/agentcore";
import { openPostgresStore } from "perdure/postgres";

import { declareTools } from "../model-training/tools.ts";
import { required } from "./environment.ts";

const memoryId = required("MEMORY_ID");

const app = perdure({
  name: "trainer",
  version: "1.0.0",
  // A session that was destroyed is missed after two leases.
  store: openPostgresStore({ url: required("DATABASE_URL"), leaseMs: 10_000 }),
  // IAM lets the agent's role call, and nobody else: it speaks for its users, and names them.
  auth: platformAuth({ shared: "agent" }),
  session: { actor: (_principal, named) => named, memory: [memoryId] },
  memory: agentCoreMemory({ memoryId }),
  delivery: { grace: "1s" },
});
declareTools(app, { start: "background" });

export default app;

if (import.meta.main) {
  const { PORT, HOST } = process.env;
  await app.listen({
    ...(PORT !== undefined && { port: Number(PORT) }),
    ...(HOST !== undefined && { host: HOST }),
  });
}
