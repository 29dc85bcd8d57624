/**
 * Results on their way to a memory that is slow, throttles, breaks connections, and answers 500 after it has accepted;
 * while the process that delivers is killed again and again. Each result lies there once.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { MemoryMessage } from "../../../packages/perdure/src/index.ts";
import { track } from "../children.ts";
import type { DeliveringOrders } from "../program/delivering.ts";
import type { Scenario } from "../scenario.ts";

const tasks = 60;
const lives = 8;
const finishWithinMs = 30_000;
const program = fileURLToPath(new URL("../program/delivering.ts", import.meta.url));

export const delivery: Scenario = {
  name: "delivery",
  async run({ folder, random, report }) {
    mkdirSync(folder, { recursive: true });
    const kept = new Map<string, MemoryMessage>();
    let [tries, good] = [0, false];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        tries++;
        const message = JSON.parse(Buffer.concat(chunks).toString()) as MemoryMessage;
        const temper = good ? 9 : random.between(0, 9);
        if (temper === 0) return response.destroy();
        if (temper <= 2) return response.writeHead(temper === 1 ? 429 : 409).end();
        if (!kept.has(message.key)) kept.set(message.key, message);
        if (temper === 3) return undefined; // no answer
        return response.writeHead(temper === 4 ? 500 : 201).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const orders: DeliveringOrders = { store: join(folder, "tasks.db"), url, tasks };
    for (let life = 0; life < lives; life++) {
      const child = start(orders);
      await pause(random.between(300, 1_200));
      await kill(child);
    }
    good = true;
    const last = start(orders);
    const results = (): string[] =>
      [...kept.values()].flatMap(({ entries }) =>
        entries.flatMap((entry) =>
          entry.kind === "end" && entry.status === "completed" ? [entry.result.text] : [],
        ),
      );
    for (const until = Date.now() + finishWithinMs; results().length < tasks && Date.now() < until;) {
      await pause(50);
    }
    await kill(last);
    server.closeAllConnections();
    server.close();
    const [all, different] = [results(), new Set(results())];
    const reasons: string[] = [];
    if (different.size !== tasks) reasons.push(`${different.size} of ${tasks} results were delivered`);
    if (all.length !== different.size) reasons.push(`${all.length - different.size} lie there twice`);
    report.claim(`${tasks} results delivered once, over ${lives} kills and ${tries} tries`, reasons);
  },
};

function start(orders: DeliveringOrders) {
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  track(child);
  return child;
}

async function kill(child: ReturnType<typeof start>): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "close");
}
