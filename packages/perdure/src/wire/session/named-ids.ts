/**
 * What a request says of its caller's session, wherever it says so: in `_meta`, in a header that the application has
 * named, in the composite session id of AWS's post. Nothing is believed here.
 */
import type { JsonObject, JsonValue } from "../../task/json.ts";
import { isArray } from "../../task/json.ts";
import { type SessionField, sessionFields } from "./session-ids.ts";

/**
 * The key in a request's `_meta` (`params._meta` of `tools/call`), whose value is `{ session, memory?, actor? }`.
 * Source of its form: MCP, basic, "_meta": a prefix of labels, `/`, a name; only prefixes of MCP itself are reserved.
 */
export const sessionMetaKey = "perdure/session";

export interface NamedId {
  readonly value: unknown;
  /** Where it stood, for messages. */
  readonly from: string;
}

export type NamedIds = Readonly<Partial<Record<SessionField, NamedId>>>;

/** Which header each id may stand in, lower case. */
export type SessionHeaders = Readonly<Partial<Record<SessionField, string>>>;

export function namedByHeaders(
  headers: SessionHeaders,
  header: (name: string) => string | undefined,
): NamedIds | undefined {
  let named: Partial<Record<SessionField, NamedId>> | undefined;
  for (const field of sessionFields) {
    const name = headers[field];
    const value = name === undefined ? undefined : header(name);
    if (value !== undefined) named = { ...named, [field]: { value, from: `the header ${name}` } };
  }
  return named;
}

const separator = "@@@";

/**
 * `session@@@memory@@@actor` in the header `Mcp-Session-Id`: works with a client of SDK 1.x that sets the header itself
 * and is given no session id by the server. SDK 2 leaves the header out of `initialize`, 2026-07-28 has no such header,
 * and AgentCore Runtime puts its own id there.
 */
export function isComposite(sessionId: string): boolean {
  return sessionId.includes(separator);
}

export function namedByComposite(sessionId: string): NamedIds {
  const from = "the composite Mcp-Session-Id";
  const [session, memory, ...rest] = sessionId.split(separator);
  // A part too many is a part of the actor, which then does not fit.
  const parts = { session, memory: memory ?? "", actor: rest.join(separator) };
  return {
    session: { value: parts.session, from },
    memory: { value: parts.memory, from },
    actor: { value: parts.actor, from },
  };
}

/** `undefined`: it says nothing. A text alone is the session; anything else that is no object does not fit. */
export function namedByMeta(meta: JsonValue | undefined): NamedIds | undefined {
  const value = asObject(meta)?.[sessionMetaKey];
  if (value === undefined) return undefined;
  const from = `_meta[${JSON.stringify(sessionMetaKey)}]`;
  const ids = asObject(value);
  if (ids === undefined) return { session: { value, from } };
  const named = sessionFields.flatMap((field): [SessionField, NamedId][] => {
    const id = Object.hasOwn(ids, field) ? ids[field] : undefined;
    return id === undefined || id === null ? [] : [[field, { value: id, from: `${from}.${field}` }]];
  });
  return Object.fromEntries(named);
}

function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !isArray(value) ? value : undefined;
}
