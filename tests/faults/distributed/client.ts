/**
 * A client of the fleet: it starts tasks, answers what they ask, cancels some, and waits for the end of each. It insists:
 * whatever is not answered is asked again, until it has what it wants or the driver gives up. What it was told stands in
 * the journal.
 *
 * Three kinds, which differ in how they wait: by `tasks/get` and `tasks/update` (2026-07-28), by `tasks/result`
 * (2025-11-25), by the generated tools alone.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { JsonValue } from "../../../packages/perdure/src/task/json.ts";
import type { Journal, SeenEnd } from "../journal.ts";
import { type PlanItem, stepValue, waitName } from "../program/plan.ts";
import { Random } from "../random.ts";
import { itemOf } from "./items.ts";
import { type Answer, Wire } from "./wire.ts";

export type ClientKind = "extension" | "tasks of 2025" | "tools";
export const clientKinds = ["extension", "tasks of 2025", "tools"] as const satisfies readonly ClientKind[];

export interface ClientParts {
  readonly url: string;
  readonly journal: Journal;
  readonly seed: number;
  readonly kind: ClientKind;
  readonly name: string;
  /** Open items at most. */
  readonly window: number;
  /** Gives a task what it waits for by name; false where the database could not be reached. */
  readonly signal: (task: string, name: string, value: JsonValue) => Promise<boolean>;
}

interface Fields {
  readonly [name: string]: unknown;
}

export class Client {
  readonly #parts: ClientParts;
  readonly #wire: Wire;
  readonly #random: Random;
  readonly #open = new Map<string, Promise<void>>();
  /** What no server should answer. */
  readonly problems: string[] = [];
  #next = 0;
  #gaveUp = false;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#wire = new Wire(parts.url, parts.kind === "tasks of 2025" ? "2025-11-25" : "2026-07-28");
    this.#random = new Random(parts.seed, `client ${parts.name}`);
  }

  /** The keys of what has not ended. */
  get open(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Starts items until `stopped`; resolves when all of them have ended. */
  async run(stopped: () => boolean): Promise<void> {
    const { seed, name, window } = this.#parts;
    while (!stopped()) {
      if (this.#open.size < window) {
        const given = itemOf(seed, name, this.#next++);
        const carried = this.#carry(given)
          .catch((error: unknown) => void this.problems.push(String(error)))
          .finally(() => this.#open.delete(given.key));
        this.#open.set(given.key, carried);
        await pause(this.#random.between(0, 150));
      } else await pause(20);
    }
    await Promise.all(this.#open.values());
  }

  /** What is open now stays so. */
  giveUp(): void {
    this.#gaveUp = true;
  }

  async #carry(given: PlanItem): Promise<void> {
    const { journal } = this.#parts;
    const task = await this.#start(given);
    if (task === undefined) return;
    journal.append({ event: "acknowledged", key: given.key, task });
    const beside = [this.#sendSignals(given, task), ...(given.cancel ? [this.#cancel(given, task)] : [])];
    const end = await this.#end(given, task);
    if (end !== undefined) journal.append({ event: "seen", task, end });
    await Promise.all(beside);
  }

  async #start({ key, tool, input, keyed, cancel }: PlanItem): Promise<string | undefined> {
    const session = { session: `${this.#parts.name}-${Math.floor(this.#next / 20)}` };
    const asTask = this.#parts.kind === "tasks of 2025" ? { task: {} } : {};
    return this.#insist(async () => {
      this.#parts.journal.append({ event: "submitting", key, tool, input, keyed, cancel });
      const params = { name: tool, arguments: input, _meta: { "perdure/session": session }, ...asTask };
      const answer = await this.#wire.ask("tools/call", params);
      const task = (answer?.result?.["task"] ?? answer?.result) as Fields | undefined;
      const id = task?.["taskId"];
      if (typeof id === "string") return id;
      if (answer === undefined) return undefined;
      throw new Error(`${tool} was answered ${JSON.stringify(answer)}`);
    });
  }

  async #cancel({ input }: PlanItem, task: string): Promise<void> {
    await pause(input.salt % 700);
    const { journal, kind } = this.#parts;
    journal.append({ event: "cancelling", task });
    const asked =
      kind === "tools"
        ? () => this.#tool("cancel_task", { task_id: task })
        : () => this.#wire.ask("tasks/cancel", { taskId: task });
    const answer = await this.#insist(asked);
    // An error says that it had ended before.
    if (answer !== undefined && answer.error === undefined) journal.append({ event: "cancelled", task });
  }

  async #sendSignals({ tool, input }: PlanItem, task: string): Promise<void> {
    if (tool !== "branches") return;
    for (let i = 0; i < input.size; i++) {
      const name = waitName(i);
      if (!name.startsWith("go")) continue;
      await pause(this.#random.between(0, 400));
      const value = { value: stepValue(input, i) };
      await this.#insist(async () => (await this.#parts.signal(task, name, value)) || undefined);
    }
  }

  async #end(given: PlanItem, task: string): Promise<SeenEnd | undefined> {
    const { kind } = this.#parts;
    return this.#insist(async () => {
      if (kind === "extension") return this.#endByExtension(given, task);
      if (kind === "tools" || asks(given)) return this.#endByTools(given, task);
      return this.#endByResult(task);
    });
  }

  async #endByExtension(given: PlanItem, task: string): Promise<SeenEnd | undefined> {
    const answer = await this.#wire.ask("tasks/get", { taskId: task });
    if (answer === undefined) return undefined;
    const { result, error } = answer;
    if (error !== undefined || result === undefined) return refused(answer);
    if (result["status"] === "completed") return endIn(result["result"]);
    if (result["status"] === "cancelled") return { status: "cancelled" };
    const requests = Object.entries((result["inputRequests"] ?? {}) as Fields);
    for (const [key, request] of requests) {
      const { params } = request as { readonly params: { readonly message: string } };
      await this.#answer(given, task, key, params.message);
    }
    return undefined;
  }

  async #endByResult(task: string): Promise<SeenEnd | undefined> {
    const answer = await this.#wire.ask("tasks/result", { taskId: task }, 6_000);
    if (answer === undefined) return undefined;
    if (answer.error !== undefined) return refused(answer);
    return endIn(answer.result);
  }

  async #endByTools(given: PlanItem, task: string): Promise<SeenEnd | undefined> {
    const looked = await this.#tool("check_task_status", { task_id: task, wait_seconds: 3 }, 6_000);
    if (looked === undefined) return undefined;
    const said = looked.result as
      { readonly structuredContent?: Fields; readonly isError?: boolean } | undefined;
    const shown = said?.structuredContent;
    if (shown === undefined) return refused(looked);
    const questions = (shown["questions"] ?? []) as readonly {
      readonly key: string;
      readonly message: string;
    }[];
    for (const { key, message } of questions) await this.#answer(given, task, key, message);
    if (shown["status"] === "cancelled") return { status: "cancelled" };
    if (shown["status"] !== "completed" && shown["status"] !== "failed") return undefined;
    const results = await this.#tool("get_task_results", { task_id: task });
    return results === undefined ? undefined : endIn(results.result);
  }

  /** Now and then wrongly, and not always at once. */
  async #answer({ tool, input }: PlanItem, task: string, key: string, message: string): Promise<void> {
    if (this.#random.next() < 0.3) return;
    const { journal, kind } = this.#parts;
    const action = tool === "refused" ? "decline" : "accept";
    const right = stepValue(input, Number(/value of (\d+)/.exec(message)?.[1]));
    const content = this.#random.next() < 0.15 ? { value: "wrong" } : { value: right };
    const given = action === "decline" ? ({ action } as const) : ({ action, content } as const);
    journal.append({ event: "answering", task, key, action });
    if (kind === "extension") {
      await this.#wire.ask("tasks/update", { taskId: task, inputResponses: { [key]: given } });
      return;
    }
    const answer = await this.#tool("answer_task", { task_id: task, key, ...given });
    const said = answer?.result?.["content"] as readonly { readonly text: string }[] | undefined;
    const taken = said?.[0]?.text === "The answer is taken.";
    if (answer !== undefined) journal.append({ event: "answered", task, key, taken });
  }

  #tool(name: string, args: object, patienceMs?: number): Promise<Answer | undefined> {
    return this.#wire.ask("tools/call", { name, arguments: args }, patienceMs);
  }

  async #insist<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
    while (!this.#gaveUp) {
      const got = await attempt();
      if (got !== undefined) return got;
      await pause(this.#random.between(60, 250));
    }
    return undefined;
  }
}

function asks({ tool }: PlanItem): boolean {
  return tool === "asker" || tool === "refused" || tool === "branches";
}

/** What cannot be read as an end: that there is no such task. */
function refused(answer: Answer): SeenEnd {
  const text = JSON.stringify(answer);
  if (text.includes("not found") || text.includes("There is no task")) return { status: "unknown" };
  throw new Error(`a client was answered ${text}`);
}

function endIn(result: unknown): SeenEnd {
  const { content, isError } = result as {
    readonly content: readonly { readonly text: string }[];
    readonly isError?: boolean;
  };
  const text = content[0]?.text ?? "null";
  if (isError !== true) return { status: "completed", result: JSON.parse(text) as JsonValue };
  return text.startsWith("The task was cancelled") ? { status: "cancelled" } : { status: "failed", text };
}
