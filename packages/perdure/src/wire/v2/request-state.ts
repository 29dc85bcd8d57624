/**
 * What a call that ended with a question gives its client to bring back: which task it was about, or what was answered
 * so far where there is no task yet. Signed with a secret of the store, so that every process knows it for its own;
 * bound to the owner, the tool and its arguments; readable by the client, who has seen all of it before.
 * Source: 2026-07-28, "Multi Round-Trip Requests", "Request State".
 */
import { createHash } from "node:crypto";
import { createRequestStateCodec, type ServerContext } from "@modelcontextprotocol/server";
import type { TaskId } from "../../task/id.ts";
import { canonicalJson, type JsonValue } from "../../task/json.ts";
import type { TaskStore } from "../../store/store.ts";
import type { InputResponse } from "./input-requests.ts";

/** A person may come back to the dialog the next day. */
const lifeSeconds = 24 * 60 * 60;

export type RequestState =
  | { readonly taskId: TaskId }
  /** By the names of the questions. */
  | { readonly answers: Readonly<Record<string, InputResponse>> };

/** The call that the state belongs to. */
export interface StatedCall {
  readonly owner: string;
  readonly tool: string;
  readonly arguments: JsonValue | undefined;
}

export class RequestStates {
  readonly #store: () => TaskStore;
  #key: Promise<Uint8Array> | undefined;

  constructor(store: () => TaskStore) {
    this.#store = store;
  }

  async seal(call: StatedCall, state: RequestState): Promise<string> {
    return (await this.#codecFor(call)).mint(state, noContext);
  }

  /** `undefined` where it is forged, has expired, or belongs to another call. */
  async open(call: StatedCall, sealed: string): Promise<RequestState | undefined> {
    const codec = await this.#codecFor(call);
    return codec.verify(sealed, noContext).catch(() => undefined);
  }

  async #codecFor(call: StatedCall) {
    this.#key ??= this.#store().secret("request-state");
    const key = await this.#key.catch((error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return createRequestStateCodec<RequestState>({
      key,
      ttlSeconds: lifeSeconds,
      bind: () => bindingOf(call),
    });
  }
}

/** The codec hands it to `bind`, which does not want it. */
const noContext = {} as ServerContext;

function bindingOf({ owner, tool, arguments: input }: StatedCall): string {
  const asked = createHash("sha256")
    .update(canonicalJson(input ?? {}))
    .digest("base64url");
  return JSON.stringify([owner, tool, asked]);
}
