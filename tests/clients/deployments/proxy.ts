/**
 * A load balancer as it stands before servers: each request goes to the next upstream, whatever its session; a stream is
 * passed through as it comes; and when an upstream dies, its clients' connections are cut.
 */
import {
  createServer,
  type IncomingMessage,
  request as ask,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";

export class RoundRobinProxy {
  readonly #upstreams: () => readonly number[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** How many requests each upstream answered. */
  readonly served = new Map<number, number>();
  #next = 0;

  private constructor(upstreams: () => readonly number[]) {
    this.#upstreams = upstreams;
    this.#server = createServer((request, response) => this.#pass(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** @param upstreams the ports, as they are when a request comes. */
  static async start(upstreams: () => readonly number[]): Promise<RoundRobinProxy> {
    const proxy = new RoundRobinProxy(upstreams);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  /** Destroys every connection; the upstreams see theirs close. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => this.#try(request, Buffer.concat(chunks), response, this.#upstreams().length));
  }

  /** The next upstream that takes a connection gets it: nothing was sent to one that refused. */
  #try(request: IncomingMessage, body: Buffer, response: ServerResponse, left: number): void {
    const ports = this.#upstreams();
    const port = ports[this.#next++ % ports.length] ?? 0;
    const { method, url: path, headers } = request;
    const upstream = ask({ host: "127.0.0.1", port, method, path, headers, agent: false });
    response.once("close", () => upstream.destroy());
    upstream.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" && left > 1) this.#try(request, body, response, left - 1);
      else if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    upstream.once("response", (answer) => {
      this.served.set(port, (this.served.get(port) ?? 0) + 1);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.once("error", () => response.destroy());
      answer.once("close", () => {
        if (!answer.complete) response.destroy();
      });
    });
    upstream.end(body);
  }
}
