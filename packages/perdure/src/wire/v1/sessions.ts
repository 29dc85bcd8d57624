/**
 * Sessions over HTTP, as rows of the record: any process serves an id that it never saw. One that a platform or a
 * proxy made is taken as it is, and needs no row until something is to be remembered; one that was ended stays ended.
 */
import { createHash } from "node:crypto";
import { type InitializeRequest, SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server";
import { nanoid } from "nanoid";
import type { Runtime } from "../../engine/runtime.ts";
import type { ClientSession, SessionKey } from "../../store/sessions.ts";
import type { JsonObject } from "../../task/json.ts";

type Hello = InitializeRequest["params"];

/** What the specification allows in an id (basic/transports, "Session Management"), within reason. */
export function isSessionId(id: string): boolean {
  return /^[\x21-\x7e]{1,512}$/.test(id);
}

export class Sessions {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** `ended`: its client must begin anew. */
  async find(key: SessionKey): Promise<ClientSession | "ended"> {
    const row = await this.#runtime.store.sessions.get(key);
    if (row?.endedAt !== undefined) return "ended";
    return row ?? { ...key, protocolVersion: "", capabilities: {}, clientInfo: {} };
  }

  /**
   * Begins a session for a valid `initialize`, under the id that came with it or a new one. The version is the one that
   * the SDK will agree to.
   */
  async begin(owner: string, givenId: string | undefined, hello: Hello): Promise<string> {
    const given = givenId === undefined ? undefined : await this.find({ id: givenId, owner });
    const id = given === undefined || given === "ended" ? nanoid() : given.id;
    const { protocolVersion: asked, capabilities, clientInfo } = hello;
    await this.#runtime.store.sessions.put({
      id,
      owner,
      protocolVersion: SUPPORTED_PROTOCOL_VERSIONS.includes(asked)
        ? asked
        : (SUPPORTED_PROTOCOL_VERSIONS[0] ?? asked),
      capabilities: capabilities as JsonObject,
      clientInfo,
    });
    return id;
  }

  async setLogLevel(session: ClientSession, logLevel: string): Promise<void> {
    await this.#runtime.store.sessions.put({ ...session, logLevel });
  }

  /** An adopted one gets its row only now, so that it is known as ended. */
  async end(session: ClientSession): Promise<void> {
    await this.#runtime.store.sessions.put(session);
    await this.#runtime.store.sessions.end(session);
  }
}

/**
 * Short, and no session id, which some servers take for a secret. Of each principal another: a client chooses its id
 * itself, perhaps one that it has seen.
 */
export function askedAs({ owner, id }: SessionKey): string {
  return createHash("sha256")
    .update(JSON.stringify([owner, id]))
    .digest("base64url")
    .slice(0, 16);
}

export function clientNameOf({ clientInfo }: ClientSession): string | undefined {
  const { name } = clientInfo;
  return typeof name === "string" ? name : undefined;
}
