/**
 * How a host lets `ext-tasks` send what the SDK's client does not know: as requests of its own, beside those of the
 * SDK, over HTTP or on the same pipe.
 */
import type { Transport } from "@modelcontextprotocol/client";
import { DispatchError, type RawClientDispatch } from "@modelcontextprotocol/ext-tasks/client";
import { readAnswer } from "./http-answer.ts";

type Response = Awaited<ReturnType<RawClientDispatch>>;
type Message = Parameters<RawClientDispatch>[0];

export function dispatchOverHttp(url: string, token: string): RawClientDispatch {
  let requests = 0;
  return async (request, { signal, context } = {}) => {
    const id = `ext-${++requests}`;
    const { method, params } = request as {
      readonly method: string;
      readonly params: { readonly name?: string };
    };
    const headers = new Headers({
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${token}`,
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
    });
    if (params.name !== undefined) headers.set("mcp-name", params.name);
    for (const [name, value] of Object.entries(context?.headers ?? {})) headers.set(name, value);
    try {
      const body = JSON.stringify({ jsonrpc: "2.0", id, ...(request as object) });
      const response = await fetch(url, {
        method: "POST",
        headers,
        body,
        ...(signal !== undefined && { signal }),
      });
      return toResponse((await readAnswer(response)) as Answer);
    } catch (error) {
      throw new DispatchError("the server was not reached", true, { cause: error });
    }
  };
}

/** Takes the answers to its own requests before the SDK's client sees them. Call it when the client is connected. */
export function dispatchOver(transport: Transport): RawClientDispatch {
  const waiting = new Map<string | number, PromiseWithResolvers<Answer>>();
  const { onmessage, onclose } = transport;
  const listener: Pick<Transport, "onmessage" | "onclose"> = {
    onmessage: (message, extra) => {
      const answered = "id" in message && message.id !== undefined ? waiting.get(message.id) : undefined;
      if (answered === undefined) onmessage?.(message, extra);
      else answered.resolve(message as Answer);
    },
    onclose: () => {
      for (const { reject } of waiting.values()) reject(new Error("the connection closed"));
      onclose?.();
    },
  };
  Object.assign(transport, listener);
  let requests = 0;
  return async (request: Message) => {
    const id = `ext-${++requests}`;
    const answered = Promise.withResolvers<Answer>();
    waiting.set(id, answered);
    try {
      await transport.send({ jsonrpc: "2.0", id, ...(request as { readonly method: string }) });
      return toResponse(await answered.promise);
    } catch (error) {
      throw new DispatchError("the server was not reached", false, { cause: error });
    } finally {
      waiting.delete(id);
    }
  };
}

type Answer =
  | { readonly result: Extract<Response, { kind: "result" }>["result"] }
  | { readonly error: Extract<Response, { kind: "error" }>["error"] };

function toResponse(answer: Answer): Response {
  return "error" in answer
    ? { kind: "error", error: answer.error }
    : { kind: "result", result: answer.result };
}
