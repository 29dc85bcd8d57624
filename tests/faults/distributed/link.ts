/**
 * The way of one process to the database: a TCP proxy that can be made slow, be cut, or go half open. Half open, both
 * ends keep their connections and nothing that they send arrives; new connections are taken, and nobody answers.
 *
 * It also knows the moment between two writes: when the answer to one is here, and the process has not heard it.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

interface Waiting {
  readonly at: number;
  readonly bytes: Buffer;
}

export class Link {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #latencyMs = 0;
  #halfOpen = false;
  #ambush: { writes: number; readonly run: () => void } | undefined;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param target the port of the database */
  static async start(target: number): Promise<Link> {
    const link = new Link(target);
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Each way. */
  slow(latencyMs: number): void {
    this.#latencyMs = latencyMs;
  }

  halfOpen(): void {
    this.#halfOpen = true;
  }

  cut(): void {
    for (const sockets of this.#pairs) for (const socket of sockets) socket.destroy();
  }

  /** Calls `run` in the place of the answer to the write of this number from now, counted from 1. */
  ambush(writes: number, run: () => void): void {
    this.#ambush = { writes, run };
  }

  /** As it was; connections that lost bytes are reset, as their ends find out by the next that they send. */
  mend(): void {
    this.#latencyMs = 0;
    this.#ambush = undefined;
    if (this.#halfOpen) this.cut();
    this.#halfOpen = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(client: Socket): void {
    const upstream = connect(this.#target, "127.0.0.1");
    const pair = [client, upstream] as const;
    this.#pairs.add(pair);
    // Every write of the store inserts its number there.
    let writes = false;
    client.on(
      "data",
      (bytes: Buffer) => (writes ||= bytes.includes('"commits"') || bytes.includes(".commits")),
    );
    this.#carry(client, upstream, () => false);
    this.#carry(upstream, client, () => {
      const answered = writes;
      writes = false;
      return answered && this.#springs();
    });
    for (const [i, socket] of pair.entries()) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        this.#pairs.delete(pair);
        // Half open, not even the end of a connection arrives.
        if (!this.#halfOpen) pair[1 - i]?.destroy();
        else this.#pairs.add(pair);
      });
    }
  }

  /** Whether this is the write that is waited for. */
  #springs(): boolean {
    const ambush = this.#ambush;
    if (ambush === undefined || --ambush.writes > 0) return false;
    this.#ambush = undefined;
    ambush.run();
    return true;
  }

  /** In order, also when the latency changes on the way. */
  #carry(from: Socket, to: Socket, isLost: () => boolean): void {
    const waiting: Waiting[] = [];
    let timer: NodeJS.Timeout | undefined;
    const pass = (): void => {
      timer = undefined;
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        const restMs = next.at - performance.now();
        if (restMs > 0.5) {
          timer = setTimeout(pass, restMs);
          return;
        }
        waiting.shift();
        if (!this.#halfOpen && to.writable) to.write(next.bytes);
      }
    };
    from.on("data", (bytes: Buffer) => {
      if (this.#halfOpen || isLost()) return;
      waiting.push({ at: performance.now() + this.#latencyMs, bytes });
      if (timer === undefined) pass();
    });
    from.once("close", () => clearTimeout(timer));
  }
}
