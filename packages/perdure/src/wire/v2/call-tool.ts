/**
 * `tools/call`. Of a durable tool: a request that declares the extension gets a task at once, any other is held. Of an
 * ordinary tool: its result. `params.task`, the wish of the generation before, means nothing here.
 *
 * Any of them may end with a question; the client then makes the call again, with its answers. See `round.ts`.
 *
 * Ordinary tools are answered here as well because the SDK's server makes a tool error of every error that an author
 * wants to be the protocol's, and because the generated ones are what most clients have for tasks.
 */
import { ProtocolError } from "../../task/errors.ts";
import { asObject, type JsonObject } from "../../task/json.ts";
import { FirstQuestions } from "../call/first-questions.ts";
import { callPlainTool } from "../call/plain-call.ts";
import { sinkOf } from "../call/sink.ts";
import { invalidParams, protocolError } from "../call/tool-result.ts";
import type { Exchange } from "../exchange.ts";
import type { Caller, PlainTool, Service } from "../service.ts";
import { withSession } from "../session/caller-session.ts";
import { generatedPlainTools } from "../tools/generated.ts";
import { readEnvelope } from "./envelope.ts";
import { RequestStates } from "./request-state.ts";
import { type Call, Round } from "./round.ts";
import { serveTaskCall } from "./task-call.ts";

export class ToolCalls {
  readonly #service: Service;
  readonly #plainTools: ReadonlyMap<string, PlainTool>;
  readonly #states: RequestStates;

  constructor(service: Service) {
    this.#service = service;
    const plainTools = [...service.plainTools.values(), ...generatedPlainTools(service)];
    this.#plainTools = new Map(plainTools.map((tool) => [tool.name, tool]));
    this.#states = new RequestStates(() => service.runtime.store);
  }

  /** Whether a well-formed call names a tool of the application. */
  takes(params: JsonObject): boolean {
    const { name, arguments: input, requestState } = params;
    if (typeof name !== "string" || (input !== undefined && asObject(input) === undefined)) return false;
    if (requestState !== undefined && typeof requestState !== "string") return false;
    return this.#service.tasks.has(name) || this.#plainTools.has(name);
  }

  async serve(exchange: Exchange): Promise<void> {
    const { params } = exchange.request;
    const { inputResponses } = params;
    if (inputResponses !== undefined && asObject(inputResponses) === undefined) {
      // The SDK would take it for a first call.
      return exchange.error(invalidParams("inputResponses must be an object"));
    }
    const envelope = readEnvelope(params);
    let caller: Caller;
    try {
      caller = await withSession(this.#service, exchange.caller, params["_meta"]);
    } catch (error) {
      if (error instanceof ProtocolError) return exchange.error(protocolError(error));
      throw error;
    }
    const call: Call = {
      tool: params["name"] as string,
      arguments: params["arguments"] ?? {},
      caller: { ...caller, clientName: caller.clientName ?? envelope.clientName },
      sink: sinkOf(exchange, envelope),
    };
    const round = await Round.open({
      service: this.#service,
      states: this.#states,
      exchange,
      envelope,
      call,
    });
    if (round === undefined) return exchange.error(invalidState);
    const task = this.#service.tasks.get(call.tool);
    if (task !== undefined) return serveTaskCall(round, task);
    const tool = this.#plainTools.get(call.tool);
    if (tool === undefined) throw new Error(`${call.tool} is not a tool of the application`);
    await servePlainCall(round, tool);
  }
}

/** As the SDK says it. */
const invalidState = {
  ...invalidParams("Invalid or expired requestState"),
  data: { reason: "invalid_request_state" },
};

async function servePlainCall(round: Round, tool: PlainTool): Promise<void> {
  const { service, exchange, call } = round;
  const questions = new FirstQuestions(round.answers, round.envelope.askable);
  const outcome = await Promise.race([
    callPlainTool(service, { ...call, tool, questions, signal: exchange.gone }),
    questions.asked,
  ]);
  if (exchange.gone.aborted) return;
  if ("length" in outcome) await round.askFirst(outcome, questions.kept);
  else round.answer(outcome);
}
