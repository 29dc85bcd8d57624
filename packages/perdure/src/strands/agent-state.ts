/**
 * An agent's `appState` in memory: each event that keeps it holds all of it, and the last one counts. So that two
 * processes with the same agent do not undo each other, what another has changed since it was last seen is taken over,
 * key by key, when it is found and before one's own is written. A key that both have changed is as written last; one that
 * only another has deleted stays.
 */
import type { LocalAgent } from "@strands-agents/sdk";
import { type AgentMarker, agentMarkerMetadata, formatAgentMarker } from "../agentcore/session-format.ts";
import type { Clock } from "../task/clock.ts";
import { type LeftState, writerKey } from "./session-reader.ts";
import type { SessionWriter } from "./session-writer.ts";

type State = AgentMarker["state"];

export interface AgentStateParts {
  readonly agent: LocalAgent;
  readonly agentId: string;
  readonly writer: SessionWriter;
  /** The writer's name. */
  readonly self: string;
  readonly clock: Clock;
}

export class AgentState {
  readonly #parts: AgentStateParts;
  #marker: AgentMarker | undefined;
  /** As it was kept last. */
  #kept: string | undefined;
  /** As it was restored. */
  #restored: State = {};
  /** What each other writer has left last. */
  readonly #left = new Map<string, State>();

  constructor(parts: AgentStateParts) {
    this.#parts = parts;
  }

  /** @param states newest first; none: a new conversation */
  restore([latest]: readonly LeftState[]): void {
    const { appState } = this.#parts.agent;
    // An agent of Python finds a history only where an agent was.
    if (latest === undefined) return this.keep();
    this.#marker = latest.marker;
    this.#restored = latest.marker.state;
    this.#left.set(latest.writer, latest.marker.state);
    for (const [key, value] of Object.entries(latest.marker.state)) appState.set(key, value);
    this.#kept = this.#now();
  }

  /** What others have changed. @param states newest first */
  adopt(states: readonly LeftState[]): void {
    const { agent, self } = this.#parts;
    for (const { writer, marker } of states.toReversed()) {
      if (writer === self) continue;
      const before = this.#left.get(writer) ?? this.#restored;
      this.#left.set(writer, marker.state);
      for (const [key, value] of Object.entries(marker.state)) {
        if (JSON.stringify(value) !== JSON.stringify(before[key])) agent.appState.set(key, value);
      }
    }
  }

  get isChanged(): boolean {
    return this.#now() !== this.#kept;
  }

  keep(): void {
    const { agent, agentId, clock, writer, self } = this.#parts;
    const now = new Date(clock.now()).toISOString();
    this.#marker = {
      ...(this.#marker ?? blankMarker(agentId, now)),
      state: agent.appState.getAll(),
      updatedAt: now,
    };
    this.#kept = this.#now();
    const metadata = { ...agentMarkerMetadata(agentId), [writerKey]: { stringValue: self } };
    writer.mark(formatAgentMarker(this.#marker), metadata);
  }

  #now(): string {
    return JSON.stringify(this.#parts.agent.appState.getAll());
  }
}

/** What Python's manager takes, where no agent of Python has left a state of its own. */
function blankMarker(agentId: string, now: string): AgentMarker {
  return {
    agentId,
    state: {},
    conversationManagerState: {
      __name__: "SlidingWindowConversationManager",
      removed_message_count: 0,
      model_call_count: 0,
    },
    internalState: { interrupt_state: { interrupts: {}, context: {}, activated: false } },
    createdAt: now,
    updatedAt: now,
  };
}
