/** One client of the soak: does one thing after another, and checks what it is told. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

type Content = Readonly<Record<string, unknown>>;
interface Told {
  readonly isError: boolean;
  readonly content: Content;
}

export class SoakClient {
  readonly done = new Map<string, number>();
  readonly #client: Client;
  readonly #ttlMs: number;
  readonly #random: () => number;
  /** Tasks that have ended, and since when: some time later nobody knows them any more. */
  readonly #ended: { readonly id: string; readonly at: number }[] = [];
  #n = 0;

  private constructor(client: Client, ttlMs: number, random: () => number) {
    this.#client = client;
    this.#ttlMs = ttlMs;
    this.#random = random;
  }

  static async connect(url: string, ttlMs: number, random: () => number): Promise<SoakClient> {
    const client = new Client({ name: "soak", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    return new SoakClient(client, ttlMs, random);
  }

  async run(untilMs: number): Promise<void> {
    const works = Object.entries(this.#works);
    while (performance.now() < untilMs) {
      const [name, work] = works[Math.floor(this.#random() * works.length)] ?? ["", async () => undefined];
      await work();
      this.done.set(name, (this.done.get(name) ?? 0) + 1);
      await sleep(this.#random() * 20);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  readonly #works: Readonly<Record<string, () => Promise<void>>> = {
    quick: async () => this.#answers("quick", {}),
    steps: async () => this.#answers("steps", { length: 6_000 }),
    flaky: async () => this.#answers("flaky", {}),
    nap: async () => {
      const [id, n] = await this.#start("nap");
      await this.#ends(id, { n });
      this.#ended.push({ id, at: performance.now() });
    },
    ask: async () => {
      const [id, n] = await this.#start("ask");
      assert.equal((await this.#wait(id)).content["status"], "input_required");
      const yes = this.#random() < 0.5;
      await this.#call("answer_task", { task_id: id, content: { yes } });
      await this.#ends(id, { n, yes });
    },
    cancel: async () => {
      const [id] = await this.#start("never");
      await this.#call("cancel_task", { task_id: id });
      const { content } = await this.#call("check_task_status", { task_id: id });
      assert.equal(content["status"], "cancelled");
    },
    expiry: async () => {
      const oldest = this.#ended[0];
      if (oldest === undefined || performance.now() - oldest.at < this.#ttlMs + 1_000) return;
      this.#ended.shift();
      const told = await this.#call("check_task_status", { task_id: oldest.id });
      assert.ok(told.isError, "what has expired is unknown");
    },
    list: async () => {
      assert.ok(Array.isArray((await this.#call("list_tasks", { status: "working" })).content["tasks"]));
    },
  };

  async #answers(name: string, expected: object): Promise<void> {
    const n = ++this.#n;
    const { isError, content } = await this.#call(name, { n });
    assert.equal(isError, false);
    assert.deepEqual(content, { n, ...expected });
  }

  async #start(name: string): Promise<[string, number]> {
    const n = ++this.#n;
    const { content } = await this.#call(name, { n });
    return [String(content["task_id"]), n];
  }

  /** On a machine that has left us waiting for longer than a result is kept, it may be gone before it is fetched. */
  async #ends(id: string, expected: object): Promise<void> {
    const since = performance.now();
    const { isError: unknown, content: now } = await this.#wait(id);
    if (!unknown) assert.equal(now["status"], "completed");
    const { isError, content } = await this.#call("get_task_results", { task_id: id });
    if (isError && performance.now() - since > this.#ttlMs) return;
    assert.deepEqual(content, expected);
  }

  async #wait(task_id: string): Promise<Told> {
    return this.#call("check_task_status", { task_id, wait_seconds: 20 });
  }

  async #call(name: string, input: object): Promise<Told> {
    const told = await this.#client.callTool({ name, arguments: { ...input } });
    return { isError: told.isError === true, content: (told.structuredContent ?? {}) as Content };
  }
}
