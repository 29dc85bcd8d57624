/**
 * What is served: the declared tools with all that a client must know of them, and the settings of the wire. The
 * application builds one `Service`; every transport and both protocol generations are given it and nothing else.
 */
import type { McpServer } from "@modelcontextprotocol/server";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnswerTo, Context, Question } from "../engine/context.ts";
import type { ObjectSchema } from "../engine/json-schema.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { Schema } from "../engine/schema.ts";
import type { TaskTool } from "../engine/tool.ts";
import type { JsonObject } from "../task/json.ts";
import type { SessionContext } from "../task/record.ts";
import type { SessionSettings } from "./session/caller-session.ts";
import type { NamedIds } from "./session/named-ids.ts";

export interface ServedTask {
  readonly tool: TaskTool;
  readonly title: string | undefined;
  readonly annotations: JsonObject | undefined;
  readonly inputSchema: ObjectSchema;
  /** The author's, of the result itself; what is advertised also allows the hand-over, see `call/hand-over.ts`. */
  readonly outputSchema: ObjectSchema | undefined;
  /** `background`: no call waits; `held`: as the client and the settings say; `task`: only for clients with tasks. */
  readonly start: "held" | "background" | "task";
  readonly holdMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  /** What a closed stream means on 2026-07-28, where the protocol calls it a cancellation. */
  readonly onDisconnect: "cancel" | "continue";
  /** Asked before there is a task, where the client can be asked so. */
  readonly before: Readonly<Record<string, Question>> | undefined;
  /** Whether an equal call joins a running task whose caller was lost. */
  readonly rejoin: boolean;
}

/** An ordinary short tool: not durable, answered within its request. */
export interface PlainTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
  readonly annotations: JsonObject | undefined;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema | undefined;
  readonly parseInput: TaskTool["parseInput"];
  readonly parseOutput: TaskTool["parseOutput"];
  readonly handler: (input: unknown, context: PlainContext) => unknown;
}

export interface PlainContext extends Context {
  /**
   * Asks a person, through a client that can be asked within a call (2026-07-28, elicitation declared). The handler
   * runs again from its first line with each answer: ask before you do anything.
   * @param options `name`: default the message; unique within the call.
   * @throws DeclinedError when the person declines or dismisses it.
   * @throws PerdureError `CANNOT_ASK` where the client cannot be asked so.
   */
  ask<S extends Schema>(
    this: void,
    message: string,
    schema: S,
    options?: { readonly name?: string },
  ): Promise<StandardSchemaV1.InferOutput<S>>;
  /** Asks several questions at once, each by its key as its name. */
  askAll<Q extends Readonly<Record<string, Question>>>(
    this: void,
    questions: Q,
  ): Promise<{ readonly [K in keyof Q]: AnswerTo<Q[K]> }>;
  /** The request's headers that `headers` of the application allows, by lower-case name; empty on stdio. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A client whose patience is known, by the name it gives in `clientInfo`. */
export interface KnownClient {
  readonly name: string | RegExp;
  readonly holdMs?: number;
  readonly heartbeatMs?: number;
}

/** The generated tools, by the names of AWS's post; and `answer_task`, which is there where a task says that it asks. */
export const generatedTools = [
  "check_task_status",
  "get_task_results",
  "answer_task",
  "cancel_task",
  "list_tasks",
] as const;
export type GeneratedTool = (typeof generatedTools)[number];

export interface WireSettings {
  /** How long a plain call is kept open before it is handed over. */
  readonly holdMs: number;
  /** The same, where the client asked for progress. Absent: no longer. */
  readonly progressHoldMs?: number | undefined;
  /** However patient a tool or client is: what is in front of this server cuts off later. */
  readonly maxHoldMs?: number | undefined;
  /** After so long a silence a held call says that it is alive. */
  readonly heartbeatMs: number;
  readonly clients: readonly KnownClient[];
  /** A larger result becomes a summary and a resource link; bytes of its JSON. */
  readonly maxResultBytes: number;
  /** When to ask again, where the protocol has a field for it. */
  readonly pollMs: number;
  /** Where each generated tool is found; absent where it is hidden. */
  readonly toolNames: ReadonlyMap<GeneratedTool, string>;
  /** Request headers that handlers may see, lower case. */
  readonly allowedHeaders: ReadonlySet<string>;
  readonly session: SessionSettings;
}

export interface Service {
  readonly name: string;
  readonly version: string;
  readonly instructions: string | undefined;
  readonly runtime: Runtime;
  readonly tasks: ReadonlyMap<string, ServedTask>;
  readonly plainTools: ReadonlyMap<string, PlainTool>;
  /** Resources and prompts, registered on each SDK server as their author declared them. */
  readonly registrations: readonly ((server: McpServer) => void)[];
  /** The author's own server for an exchange or a connection, onto which everything is put; absent: ours. */
  readonly newServer?: (() => McpServer) | undefined;
  readonly settings: WireSettings;
}

/** Who calls, as far as it was verified. */
export interface Caller {
  /** The principal. `local` where nobody is authenticated. */
  readonly owner: string;
  /** Where its conversation lives, as far as it may say so; see `withSession`. */
  readonly session: SessionContext | undefined;
  /** It is on this machine, where nobody is authenticated: it may name any actor. Default false. */
  readonly trusted?: boolean | undefined;
  /** What the transport itself says of the session: nothing is checked yet. */
  readonly named?: NamedIds | undefined;
  /** What the client says of itself: no authority, only manners. */
  readonly clientName: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}
