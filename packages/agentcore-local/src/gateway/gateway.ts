/**
 * A gateway in front of one MCP server: its tools are called `TARGET___TOOL` there, what it forwards is what AWS lists
 * (no tasks, no extensions: a client behind it is one of plain calls), and no call takes longer than 5 minutes.
 */
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { Authorizer, JwtAuthorizer } from "../authorizer.ts";
import type { Clock } from "../clock.ts";
import { passOn, pickHeaders } from "../http/pass-on.ts";
import { readBody } from "../http/body.ts";
import type { Request } from "../http/two-protocols.ts";
import type { Answer } from "../operation.ts";
import { ServiceError } from "../service-error.ts";
import { allowedHeaders, HeaderAllowList } from "../runtime/allow-list.ts";
import { type Message, rpcError, toClient, toTarget } from "./messages.ts";

const name = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9-]{0,99}$/);

export const GatewayDefinition = z.strictObject({
  name,
  target: z
    .strictObject({
      name,
      /** Of an MCP server over streamable HTTP. */
      url: z.url().optional(),
      /** The name of a runtime here. */
      runtime: z.string().optional(),
      /** Sent with every request: what the target wants to see of the gateway. */
      headers: z.record(z.string(), z.string()).default({}),
      requestHeaderAllowlist: HeaderAllowList.default([]),
    })
    .refine(({ url, runtime }) => (url === undefined) !== (runtime === undefined), {
      message: "exactly one of url and runtime is wanted",
    }),
  customJWTAuthorizer: JwtAuthorizer.optional(),
});

export type GatewayOptions = z.input<typeof GatewayDefinition>;

export interface GatewaySetting {
  readonly clock: Clock;
  /** Of a call. */
  readonly limitMs: number;
  readonly targetUrl: () => string;
}

const maxBodyBytes = 6 * 1024 * 1024;

/** What its answer says about tools is rewritten: it is read to its end first. */
const rewritten = new Set(["initialize", "server/discover", "tools/list"]);

export class Gateway {
  readonly authorizer: Authorizer | undefined;
  readonly #definition: z.output<typeof GatewayDefinition>;
  readonly #setting: GatewaySetting;

  constructor(definition: z.output<typeof GatewayDefinition>, setting: GatewaySetting) {
    this.#definition = definition;
    this.#setting = setting;
    const jwt = definition.customJWTAuthorizer;
    this.authorizer = jwt && new Authorizer(jwt);
  }

  get name(): string {
    return this.#definition.name;
  }

  urlAt(address: string): string {
    return `${address}/gateways/${encodeURIComponent(this.name)}/mcp`;
  }

  /** @throws ServiceError */
  async forward(request: Request, signal: AbortSignal): Promise<Answer> {
    const { clock, limitMs, targetUrl } = this.#setting;
    const { target } = this.#definition;
    const message = (await readBody(request, maxBodyBytes)) as Message;
    const outgoing = toTarget(message, target.name);
    if ("refusal" in outgoing) return json(200, outgoing.refusal);
    const body = Buffer.from(JSON.stringify(outgoing.message));
    const late = new AbortController();
    const timer = clock.after(limitMs, () => late.abort(new Late(limitMs)));
    try {
      const answer = await passOn({
        url: new URL(targetUrl()),
        headers: {
          ...allowedHeaders(request, target.requestHeaderAllowlist),
          ...pickHeaders(request, isForwarded),
          ...(outgoing.name !== undefined && { "mcp-name": outgoing.name }),
          ...target.headers,
          "content-length": String(body.length),
        },
        body,
        maxBodyBytes,
        signal: AbortSignal.any([signal, late.signal]),
        onClose: () => timer.cancel(),
      });
      const isRewritten = answer.statusCode === 200 && rewritten.has(message.method ?? "");
      const stream = isRewritten
        ? rewrite(answer, message, target.name)
        : untilLate(answer, message, late.signal);
      return { status: answer.statusCode ?? 502, headers: pickHeaders(answer, isAnswered), stream };
    } catch (error) {
      timer.cancel();
      if (error instanceof Late) return json(504, rpcError(message.id, -32001, error.message));
      if (error instanceof ServiceError) throw error;
      return json(502, rpcError(message.id, -32603, "The target of the gateway cannot be reached."));
    }
  }
}

class Late extends Error {
  constructor(limitMs: number) {
    super(`The gateway's limit of ${Math.round(limitMs / 60_000)} minutes for a call is over.`);
  }
}

function json(status: number, body: Readonly<Record<string, unknown>>): Answer {
  return { status, body };
}

/** As they come; in the place of what is late, an error that ends the call. */
async function* untilLate(
  answer: IncomingMessage,
  message: Message,
  late: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    if (!late.aborted || !isEvents(answer)) throw error;
    const said = (late.reason as Late).message;
    yield Buffer.from(`event: message\ndata: ${JSON.stringify(rpcError(message.id, -32001, said))}\n\n`);
  }
}

/** Line by line, whether it is one message or a stream of events. */
async function* rewrite(
  answer: IncomingMessage,
  message: Message,
  target: string,
): AsyncGenerator<Uint8Array> {
  let text = "";
  answer.setEncoding("utf8");
  for await (const chunk of answer as AsyncIterable<string>) text += chunk;
  const events = isEvents(answer);
  // A line of an event stream ends with CR LF as well, as Python's servers have it.
  const lines = text.split(/\r\n|\r|\n/).map((line) => {
    const data = events ? /^data: ?(\{.*)$/s.exec(line)?.[1] : undefined;
    return data === undefined
      ? line
      : `data: ${JSON.stringify(toClient(JSON.parse(data) as Message, message, target))}`;
  });
  if (events) yield Buffer.from(lines.join("\n"));
  else yield Buffer.from(text && JSON.stringify(toClient(JSON.parse(text) as Message, message, target)));
}

function isEvents(answer: IncomingMessage): boolean {
  return answer.headers["content-type"]?.startsWith("text/event-stream") === true;
}

function isForwarded(header: string): boolean {
  return header.startsWith("mcp-") || ["content-type", "accept", "last-event-id"].includes(header);
}

function isAnswered(header: string): boolean {
  return ["content-type", "mcp-session-id", "mcp-protocol-version"].includes(header);
}
