/**
 * `npm run demo`: a training of a model, watched by every kind of MCP client, through the death of its server.
 *
 * Each act is a file in `acts/`, played in the order of the names; `-- --act N` plays one. Every claim is proved before
 * it is printed, and the first that fails ends the demo with exit code 1.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Act, openStage } from "./stage.ts";

/** No act may hang. */
const actMs = 60_000;

const { values } = parseArgs({ options: { act: { type: "string" } } });
const folder = join(import.meta.dirname, "acts");
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".ts"))
  .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
const chosen = values.act === undefined ? files : files.filter((name) => name.startsWith(`${values.act}-`));
if (chosen.length === 0) {
  console.error(`There is no act ${values.act}; there are:\n  ${files.join("\n  ")}`);
  process.exit(2);
}

const startedAt = performance.now();
const stage = await openStage();
let current = "";
try {
  for (const file of chosen) {
    const { act } = (await import(join(folder, file))) as { readonly act: Act };
    current = `act ${file.split("-")[0]}`;
    console.log(`\nAct ${file.split("-")[0]}. ${act.title}`);
    await inTime(act.play(stage), act.withinMs);
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`\n${stage.proved} claims, all proved, in ${seconds} s.`);
} catch (error) {
  stage.bars.stop();
  console.error(`\nThe demo failed in ${current}.`);
  console.error(error instanceof Error ? error.message : error);
  if (stage.server.complaints !== "") console.error(`The server said:\n${stage.server.complaints}`);
  process.exitCode = 1;
} finally {
  await stage.close();
}
// Clients that lost their server may still hold a connection or a timer.
process.exit();

async function inTime(play: Promise<void>, withinMs = actMs): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took more than ${withinMs / 1_000} s.`)), withinMs);
  });
  try {
    await Promise.race([play, late]);
  } finally {
    clearTimeout(timer);
  }
}
