/**
 * The people and systems outside: they look at what is open, and answer and signal at random, now and then wrongly or
 * twice. What they have to do they know from the record alone, so it does not matter in which life a task was born.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { App } from "../../../packages/perdure/src/index.ts";
import { PerdureError } from "../../../packages/perdure/src/task/errors.ts";
import type { TaskSummary } from "../../../packages/perdure/src/task/record.ts";
import type { Journal } from "../journal.ts";
import type { Random } from "../random.ts";
import { type ItemInput, stepValue, waitName } from "./plan.ts";

const openTasks = 100;

export class Answering {
  readonly #app: App;
  readonly #journal: Journal;
  readonly #random: Random;
  readonly #sent = new Set<string>();

  constructor(app: App, journal: Journal, random: Random) {
    this.#app = app;
    this.#journal = journal;
    this.#random = random;
  }

  /** Until `ended`. */
  async run(ended: () => boolean): Promise<void> {
    while (!ended()) {
      await this.#look();
      await pause(this.#random.between(5, 40));
    }
  }

  async #look(): Promise<void> {
    for (const status of ["input_required", "working"] as const) {
      for (const tool of ["asker", "refused", "waiter", "branches"]) {
        const { tasks } = await this.#app.tasks.list({ status, tool, limit: openTasks });
        for (const task of tasks) if (this.#random.next() < 0.6) await this.#serve(task);
      }
    }
  }

  async #serve(task: TaskSummary): Promise<void> {
    try {
      const record = await this.#app.tasks.get(task.id);
      const input = record?.input as unknown as ItemInput;
      if (task.tool === "waiter" || task.tool === "branches") await this.#signal(task, input);
      if (task.status !== "input_required") return;
      for (const { key, message } of await this.#app.tasks.questions(task.id)) {
        if (this.#random.next() < 0.7) await this.#answer(task, input, key, message);
      }
    } catch (error) {
      // It was deleted, or the disk is full: the next look is soon.
      if (!(error instanceof PerdureError) || error.code === "STORE_CLOSED") throw error;
    }
  }

  async #answer(task: TaskSummary, input: ItemInput, key: string, message: string): Promise<void> {
    const action = task.tool === "refused" ? "decline" : "accept";
    const right = stepValue(input, Number(/value of (\d+)/.exec(message)?.[1]));
    const content = this.#random.next() < 0.15 ? { value: "wrong" } : { value: right };
    const give = async (): Promise<void> => {
      this.#journal.append({ event: "answering", task: task.id, key, action });
      const answer = action === "decline" ? ({ action } as const) : ({ action, content } as const);
      const taken = await this.#app.tasks.answer(task.id, key, answer);
      this.#journal.append({ event: "answered", task: task.id, key, taken });
    };
    await (this.#random.next() < 0.1 ? Promise.all([give(), give()]) : give());
  }

  async #signal({ id, tool }: TaskSummary, input: ItemInput): Promise<void> {
    for (let i = 0; i < input.size; i++) {
      const name = tool === "waiter" ? `go-${i}` : waitName(i);
      if (!name.startsWith("go") || this.#sent.has(`${id} ${name}`) || this.#random.next() < 0.5) continue;
      await this.#app.tasks.signal(id, name, { value: stepValue(input, i) });
      this.#sent.add(`${id} ${name}`);
    }
  }
}
