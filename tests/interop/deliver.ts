/**
 * Delivers one result as an application does: `node deliver.ts SESSION NUMBER LENGTH [PATIENCE]`. Says `delivered`, or
 * the kind of the refusal. Where the memory is, the environment says.
 */
import { MemoryError } from "../../packages/perdure/src/index.ts";
import { agentCoreMemory } from "../../packages/perdure/src/agentcore/index.ts";

const [session = "", number = "1", length = "0", patience = "15m"] = process.argv.slice(2);
const text = `result ${number}` + "x".repeat(Number(length));
const sink = agentCoreMemory({ patience: { toolUse: patience, reply: patience, agent: patience } as object });
const key = `${session}-${number}-${"0".repeat(33)}`;
try {
  await sink.append(
    {
      context: { memory: "training-0123456789", actor: "ada", session },
      key,
      entries: [
        {
          kind: "end",
          status: "completed",
          key,
          taskId: `task-${number}`,
          tool: "train_model",
          at: Date.now(),
          result: { text, whole: true, bytes: text.length, uri: `perdure://results/task-${number}` },
        },
      ],
      tries: 1,
      since: Date.now(),
      tools: { results: "get_task_results" },
    },
    { signal: AbortSignal.timeout(20_000) },
  );
  console.log("delivered");
} catch (error) {
  if (!(error instanceof MemoryError)) throw error;
  console.log(error.kind);
}
