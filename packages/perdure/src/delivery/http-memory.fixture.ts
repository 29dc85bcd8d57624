/** A memory over real HTTP, which outlives the programs that write to it. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { MemoryMessage } from "./memory.ts";

/** `500 after`: kept all the same. `no answer`: kept, and the connection stays open. */
export type Behaviour = number | "500 after" | "no answer" | "cut";

export class HttpMemoryService {
  /** What lies there, once for each key. */
  readonly kept: MemoryMessage[] = [];
  tries = 0;
  behave: () => Behaviour = () => 201;
  url = "";

  static async start(): Promise<HttpMemoryService> {
    const service = new HttpMemoryService();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () =>
        service.#serve(JSON.parse(Buffer.concat(chunks).toString()) as MemoryMessage, response),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return service;
  }

  /** The results of a session, in order. */
  get results(): string[] {
    return this.kept.flatMap(({ entries }) =>
      entries.flatMap((entry) =>
        entry.kind === "end" && entry.status === "completed" ? [entry.result.text] : [],
      ),
    );
  }

  #serve(message: MemoryMessage, response: ServerResponse): void {
    this.tries++;
    const behaviour = this.behave();
    if (behaviour === "cut") return void response.destroy();
    if (typeof behaviour === "string" || behaviour < 300) this.#keep(message);
    if (behaviour === "no answer") return;
    response.writeHead(typeof behaviour === "string" ? 500 : behaviour).end();
  }

  #keep(message: MemoryMessage): void {
    if (!this.kept.some(({ key }) => key === message.key)) this.kept.push(message);
  }
}
