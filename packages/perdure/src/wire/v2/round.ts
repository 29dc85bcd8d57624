/**
 * One round of a call. A call that must ask ends with `inputRequests` and a `requestState`, and the client makes it
 * again with its `inputResponses` and that state: to the server a new request, at any of its processes.
 */
import type { JsonObject } from "../../task/json.ts";
import type { FirstAnswer, OpenQuestion } from "../call/first-questions.ts";
import type { HeldCall } from "../call/held-call.ts";
import type { ToolOutcome } from "../call/tool-result.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../service.ts";
import { type Envelope, missingTasks, objectAt, stamp } from "./envelope.ts";
import { type InputResponse, readInputResponse, toInputRequests } from "./input-requests.ts";
import type { RequestState, RequestStates, StatedCall } from "./request-state.ts";

export interface Call extends Pick<HeldCall, "arguments" | "caller" | "sink"> {
  readonly tool: string;
}

export interface RoundParts {
  readonly service: Service;
  readonly states: RequestStates;
  readonly exchange: Exchange;
  readonly envelope: Envelope;
  readonly call: Call;
}

export class Round {
  readonly service: Service;
  readonly exchange: Exchange;
  readonly envelope: Envelope;
  readonly call: Call;
  readonly state: RequestState | undefined;
  readonly #states: RequestStates;

  private constructor({ service, states, exchange, envelope, call }: RoundParts, state?: RequestState) {
    this.service = service;
    this.exchange = exchange;
    this.envelope = envelope;
    this.call = call;
    this.state = state;
    this.#states = states;
  }

  /** `undefined` where the state that the client brings is not of this call. */
  static async open(parts: RoundParts): Promise<Round | undefined> {
    const sealed = parts.exchange.request.params["requestState"];
    if (typeof sealed !== "string") return new Round(parts);
    const state = await parts.states.open(statedCall(parts.call), sealed);
    return state === undefined ? undefined : new Round(parts, state);
  }

  /** What the client answers in this round. */
  get responses(): JsonObject {
    return objectAt(this.exchange.request.params, "inputResponses") ?? {};
  }

  /** All that was answered without a task, in this round and before; what is no answer is asked again. */
  get answers(): ReadonlyMap<string, FirstAnswer> {
    const before = this.state !== undefined && "answers" in this.state ? this.state.answers : {};
    const answers = new Map<string, InputResponse>(Object.entries(before));
    for (const [name, response] of Object.entries(this.responses)) {
      const answer = readInputResponse(response, "form");
      if (answer !== undefined) answers.set(name, answer);
    }
    return answers;
  }

  answer(outcome: ToolOutcome): void {
    if ("result" in outcome) this.exchange.result(stamp(this.service, { ...outcome.result }));
    else this.exchange.error(outcome.error, outcome.error.code === missingTasks.code ? 400 : 200);
  }

  /** Ends this round with what is asked without a task. */
  async askFirst(questions: readonly OpenQuestion[], kept: ReadonlyMap<string, FirstAnswer>): Promise<void> {
    const inputRequests = toInputRequests(questions, this.envelope.askable);
    await this.ask(inputRequests, { answers: Object.fromEntries(kept) });
  }

  /** Ends this round with questions. */
  async ask(inputRequests: JsonObject, state: RequestState): Promise<void> {
    const requestState = await this.#states.seal(statedCall(this.call), state);
    this.exchange.result(stamp(this.service, { inputRequests, requestState }, "input_required"));
  }
}

function statedCall({ tool, arguments: input, caller: { owner } }: Call): StatedCall {
  return { tool, arguments: input, owner };
}
