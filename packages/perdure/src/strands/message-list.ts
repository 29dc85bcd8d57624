/** An agent's own list of messages, as it lives: what is added to it joins its neighbours, so that the roles alternate. */
import type { LocalAgent, Message, MessageData } from "@strands-agents/sdk";

export class MessageList {
  readonly #agent: LocalAgent;
  readonly #toMessage: (data: MessageData) => Message;

  constructor(agent: LocalAgent, toMessage: (data: MessageData) => Message) {
    this.#agent = agent;
    this.#toMessage = toMessage;
  }

  get all(): readonly Message[] {
    return this.#messages;
  }

  /** The agent may put another list in its place. */
  get #messages(): Message[] {
    return this.#agent.messages;
  }

  get last(): Message | undefined {
    return this.#messages.at(-1);
  }

  /** In the middle of a call nothing can be said. */
  get isInCall(): boolean {
    return this.last?.content.some(({ type }) => type === "toolUseBlock") ?? false;
  }

  prepend(history: readonly MessageData[]): void {
    const hadOwn = this.#messages.length > 0;
    this.#messages.splice(0, 0, ...history.map(this.#toMessage));
    if (hadOwn && history.length > 0) this.#rejoin(history.length);
  }

  append(said: readonly MessageData[]): void {
    const from = this.#messages.length;
    this.#messages.push(...said.map(this.#toMessage));
    if (from > 0 && said.length > 0) this.#rejoin(from);
  }

  /** A user's message behind another of the user, which the agent has not answered: one message. */
  joinLast(message: Message): void {
    if (this.last === message && message.role === "user") this.#rejoin(this.#messages.length - 1);
  }

  /** Makes one message of the two around `index`, where they are of the same role. */
  #rejoin(index: number): void {
    const [before, after] = [this.#messages[index - 1], this.#messages[index]];
    if (before === undefined || after?.role !== before.role) return;
    const joined = this.#toMessage({ role: after.role, content: [], trackingId: after.trackingId });
    joined.content.push(...before.content, ...after.content);
    this.#messages.splice(index - 1, 2, joined);
  }
}
