/** A memory that does what a test says, and remembers what it was given: also what it kept and did not acknowledge. */
import { type AgentMemory, type MemoryEntry, MemoryError, type MemoryMessage } from "./memory.ts";

/** `lost`: it is kept, and the answer is an error. `silent`: no answer ever. */
export type Reaction = "kept" | "lost" | "silent" | MemoryError | Error;

export class ScriptedMemory implements AgentMemory {
  readonly name = "scripted";
  /** Every try, in order. */
  readonly tried: { readonly at: number; readonly message: MemoryMessage }[] = [];
  /** What was kept, once for each key. */
  readonly kept: MemoryMessage[] = [];
  /** How it reacts to a message. Default: it keeps it. */
  react: (message: MemoryMessage) => Reaction = () => "kept";
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async append(message: MemoryMessage): Promise<void> {
    this.tried.push({ at: this.#now(), message });
    const reaction = this.react(message);
    if (reaction === "silent") await new Promise<never>(() => undefined);
    if (reaction instanceof Error) throw reaction;
    if (!this.kept.some(({ key }) => key === message.key)) this.kept.push(message);
    if (reaction === "lost") throw new MemoryError("unavailable", "500, after all");
  }

  /** What lies in a session's history, in order. */
  history(session = "s-1"): MemoryEntry[] {
    return this.kept.filter(({ context }) => context.session === session).flatMap(({ entries }) => entries);
  }
}
