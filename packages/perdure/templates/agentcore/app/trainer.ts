/** The application that server and worker share. */
import { perdure } from "perdure";
import { agentCoreMemory } from "perdure/agentcore";
import { auth } from "./caller.ts";
import { openRecord } from "./record.ts";
import { declareTools } from "./tools.ts";

const store = await openRecord();
const memoryId = process.env["MEMORY_ID"];

const app = perdure({
  name: "trainer",
  version: "0.1.0",
  auth,
  ...(store !== undefined && { store }),
  // Who calls does not wait, so what was not taken after two seconds goes to its conversation.
  ...(memoryId !== undefined && { memory: agentCoreMemory({ memoryId }), delivery: { grace: "2s" } }),
});
declareTools(app);

export default app;
