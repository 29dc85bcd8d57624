/**
 * What the scenarios know of a client: one small interface, and one implementation for each kind in `kinds/`. Where the
 * kinds differ, each does what its user would do: one polls by the id, another makes the same call again.
 */

/** How a client reaches a server. */
export type Access =
  | { readonly over: "http"; readonly url: string; readonly token: string }
  | { readonly over: "stdio"; readonly program: string; readonly args: readonly string[] };

export interface Arguments {
  /** Tells this call from all others, in the journal. */
  readonly key: string;
  readonly ms?: number;
}

/** Who sits at a client, and is asked. */
export interface Person {
  /** @param message the question; it says what was wrong with the answer before */
  answer(message: string): Answer | Promise<Answer>;
  /** What the client's model says; a client without one declares no sampling. */
  readonly model?: string;
}

export interface Answer {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: Record<string, string | number | boolean>;
}

/** As a client of either generation has it from its model. */
export function sampled(text: string) {
  return { role: "assistant", content: { type: "text", text }, model: "scripted" } as const;
}

/** What came back for a call, in the end. */
export type Outcome =
  | {
      readonly kind: "result";
      readonly text: string;
      readonly structured: Readonly<Record<string, unknown>> | undefined;
      readonly isError: boolean;
    }
  | { readonly kind: "error"; readonly code: number; readonly message: string; readonly data: unknown }
  | { readonly kind: "cancelled" };

export interface CallOptions {
  /** How long the client waits for an answer before it gives up. */
  readonly patienceMs?: number;
}

export interface Call {
  readonly tool: string;
  readonly args: Arguments;
  /** Rejects when the wait broke off: the connection went, or the patience. */
  readonly outcome: Promise<Outcome>;
  /** Messages of progress, as far as this kind of client sees any. */
  readonly progress: readonly string[];
  /** Ends the work, as a user of this client does it while he waits. */
  cancel(): Promise<void>;
}

export interface TestClient {
  call(tool: string, args: Arguments, options?: CallOptions): Call;
  /** What its user does after the wait broke off, until there is an outcome. */
  again(lost: Call): Promise<Outcome>;
  /** These three ask by id. @throws Refused */
  status(taskId: string): Promise<string>;
  result(taskId: string): Promise<Outcome>;
  cancel(taskId: string): Promise<void>;
  /** The ids of its tasks, newest first. */
  list(): Promise<readonly string[]>;
  /** Closes the connection, whatever waits on it. */
  leave(): Promise<void>;
  /** Ends the client, as its user does. */
  close(): Promise<void>;
}

/** The server answered that there is no such task. */
export class Refused extends Error {
  override readonly name = "Refused";
  /** Of a JSON-RPC error; absent where a tool said it. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** A wait that broke off, for whatever reason. */
export class Lost extends Error {
  override readonly name = "Lost";
}

/** Of a tool result, as every SDK gives it. */
export function outcomeOf(result: unknown): Outcome {
  const { content, structuredContent, isError } = result as {
    readonly content?: readonly { readonly type: string; readonly text?: string }[];
    readonly structuredContent?: Readonly<Record<string, unknown>>;
    readonly isError?: boolean;
  };
  return {
    kind: "result",
    text: (content ?? []).map((block) => block.text ?? "").join("\n"),
    structured: structuredContent,
    isError: isError === true,
  };
}

/** Tries until it holds a result, or 20 s have passed: the server may be on its way back. */
export async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
