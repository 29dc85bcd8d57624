/** The memory that results are delivered to: slow, busy, and lost answers; it knows the key of a message that it kept. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { MemoryMessage } from "../../../packages/perdure/src/index.ts";
import type { Journal } from "../journal.ts";
import type { Random } from "../random.ts";

export class Sink {
  readonly #server: Server;
  /** By its key, what a message held. */
  readonly #kept = new Map<string, string>();
  readonly #tasks = new Set<string>();
  /** A message that was changed after it was tried. */
  readonly problems: string[] = [];
  tries = 0;
  /** Whether it takes everything at once. */
  good = false;

  private constructor(journal: Journal, random: Random) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        this.tries++;
        const message = JSON.parse(Buffer.concat(chunks).toString()) as MemoryMessage;
        const temper = this.good ? 99 : random.between(0, 39);
        if (temper === 0) return response.destroy();
        if (temper <= 2) return response.writeHead(temper === 1 ? 429 : 409).end();
        this.#keep(journal, message);
        if (temper === 3) return undefined; // no answer
        return response.writeHead(temper === 4 ? 500 : 201).end();
      });
    });
  }

  static async start(journal: Journal, random: Random): Promise<Sink> {
    const sink = new Sink(journal, random);
    sink.#server.listen(0, "127.0.0.1");
    await once(sink.#server, "listening");
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many tasks' ends lie there. */
  get ends(): number {
    return this.#tasks.size;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #keep(journal: Journal, { key: message, entries }: MemoryMessage): void {
    const holds = entries.map(({ key }) => key).join(" ");
    const before = this.#kept.get(message);
    if (before !== undefined && before !== holds)
      this.problems.push(`the message ${message} held ${before}, and then ${holds}`);
    if (before !== undefined) return;
    this.#kept.set(message, holds);
    for (const entry of entries) {
      const { key, taskId: task, kind } = entry;
      if (kind === "end") this.#tasks.add(task);
      const status = kind === "end" ? { status: entry.status } : {};
      journal.append({ event: "delivered", message, key, task, kind, ...status });
    }
  }
}
