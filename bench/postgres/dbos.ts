/** DBOS with its workflows called directly: no queue between. Its package is loaded here and nowhere else. */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { concurrently, input } from "../subject.ts";
import { connections } from "./subject.ts";

export async function dbosWorkflows(url: string) {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: url,
    systemDatabasePoolSize: connections,
    logLevel: "error",
  });
  const workflow = DBOS.registerWorkflow(async ({ amount }: typeof input) => ({ accepted: true, amount }), {
    name: "bench",
  });
  await DBOS.launch();
  return {
    run: (untilMs: number) => concurrently(untilMs, () => workflow(input)),
    close: () => DBOS.shutdown(),
  };
}
