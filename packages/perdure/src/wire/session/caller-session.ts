/**
 * The session context of a request: what it names, checked, and allowed for its caller.
 *
 * A session in AgentCore Memory belongs to an actor: who may name an actor may write into that actor's conversations,
 * and put words there that its agent will read. So where callers are authenticated the actor is the verified principal,
 * unless the application says by a function whom else a principal may name. Without authentication only this machine is
 * served, and may name anybody.
 */
import { PerdureError, ProtocolError, quote } from "../../task/errors.ts";
import type { JsonValue } from "../../task/json.ts";
import type { Caller, Service } from "../service.ts";
import { type NamedId, namedByMeta, type NamedIds, type SessionHeaders } from "./named-ids.ts";
import { idProblem, type SessionField } from "./session-ids.ts";

/** The id to be used, or `undefined`: refused. @param named by the caller; `undefined`: none was */
export type SessionPolicy = (
  principal: string,
  named: string | undefined,
) => string | undefined | Promise<string | undefined>;

export interface SessionSettings {
  readonly headers: SessionHeaders;
  readonly composite: boolean;
  readonly actor: SessionPolicy | undefined;
  readonly memory: SessionPolicy | undefined;
}

const invalidParams = -32_602;

/**
 * The caller with the session that its request names.
 * @param meta `_meta` of the request
 * @throws ProtocolError for an id that does not fit, or that this caller may not name
 */
export async function withSession(
  { settings, runtime }: Pick<Service, "settings" | "runtime">,
  caller: Caller,
  meta: JsonValue | undefined,
): Promise<Caller> {
  // Of several places the first that says an id counts.
  const named: NamedIds = { ...caller.named, ...namedByMeta(meta) };
  const fields = Object.keys(named);
  if (fields.length === 0) return caller;
  const session = checked("session", named.session);
  if (session === undefined) {
    // A proxy may send the same header with every request; a request of its own says what it means.
    if (namedByMeta(meta) === undefined) return caller;
    throw refused("session", `it is missing, beside ${fields.join(" and ")}`);
  }
  const { owner, trusted = false } = caller;
  const ids = { memory: checked("memory", named.memory), actor: checked("actor", named.actor) };
  const ask = (field: "memory" | "actor", policy: SessionPolicy | undefined) =>
    policy === undefined ? undefined : decided(field, policy, { owner, named: ids[field] }, runtime.logger);
  const actor = (await ask("actor", settings.session.actor)) ?? actorOf(owner, trusted, ids.actor);
  const memory = (await ask("memory", settings.session.memory)) ?? ids.memory;
  return { ...caller, session: { session, ...(memory !== undefined && { memory }), actor } };
}

function checked(field: SessionField, named: NamedId | undefined): string | undefined {
  if (named === undefined) return undefined;
  const problem = idProblem(field, named.value);
  if (problem !== undefined) throw refused(field, `${problem}, in ${named.from}`);
  return named.value as string;
}

/** Without a policy. */
function actorOf(owner: string, trusted: boolean, named: string | undefined): string {
  if (trusted) return named ?? owner;
  if (named !== undefined && named !== owner) {
    throw refused("actor", "it must be the principal that the request was authenticated as");
  }
  const problem = idProblem("actor", owner);
  if (problem === undefined) return owner;
  throw refused(
    "actor",
    `the principal of the request cannot be one: ${problem}. The application can map it, by session.actor`,
  );
}

/** What a policy throws is of the inside. */
async function decided(
  field: "memory" | "actor",
  policy: SessionPolicy,
  { owner, named }: { readonly owner: string; readonly named: string | undefined },
  logger: Service["runtime"]["logger"],
): Promise<string> {
  let id: unknown;
  try {
    id = await policy(owner, named);
  } catch (error) {
    logger.error({ err: error }, `session.${field} threw; the request is refused`);
    throw refused(field, "it could not be decided whether the caller may name it");
  }
  if (id === undefined || id === null) {
    throw refused(field, `the caller may not name ${named === undefined ? "none" : quote(named)}`);
  }
  const problem = idProblem(field, id);
  if (problem === undefined) return id as string;
  logger.error({ field, problem }, "the policy of the application returned an id that cannot be");
  throw refused(field, "it could not be decided whether the caller may name it");
}

function refused(field: SessionField, why: string): ProtocolError {
  return new ProtocolError(invalidParams, `The ${field} of the session context is refused: ${why}.`, {
    data: { field },
  });
}

export interface SessionOptions {
  /**
   * Request headers in which a caller may name an id, behind `_meta`: for example
   * `{ session: "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id" }`. Default: none.
   */
  readonly headers?: Readonly<Partial<Record<SessionField, string>>>;
  /** Whether `Mcp-Session-Id: session@@@memory@@@actor` is understood, of AWS's post. Default false. */
  readonly composite?: boolean;
  /**
   * The actor for a principal that names one, or none; `undefined`: refused. Default: the principal, of callers that
   * were authenticated; any other's wish.
   */
  readonly actor?: SessionPolicy;
  /** The memories that may be named, the first where none is; or a function, as `actor`. Default: any. */
  readonly memory?: readonly [string, ...string[]] | SessionPolicy;
}

/** @throws PerdureError `INVALID_OPTION` */
export function toSessionSettings(options: SessionOptions = {}): SessionSettings {
  const { headers = {}, composite = false, actor, memory } = options;
  for (const [field, name] of Object.entries(headers)) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && name.toLowerCase() !== "authorization") continue;
    throw new PerdureError("INVALID_OPTION", {
      message: `session: headers.${field} must be the name of a header other than Authorization; ${quote(name)} came.`,
    });
  }
  const lowered = Object.entries(headers).map(([field, name]) => [field, name.toLowerCase()]);
  return {
    headers: Object.fromEntries(lowered) as SessionHeaders,
    composite,
    actor,
    memory: typeof memory === "object" ? listed(memory) : memory,
  };
}

function listed(memories: readonly [string, ...string[]]): SessionPolicy {
  const known = new Set<string>(memories);
  for (const id of known) {
    const problem = idProblem("memory", id);
    if (problem !== undefined)
      throw new PerdureError("INVALID_OPTION", { message: `session: memory: ${problem}.` });
  }
  return (_, named = memories[0]) => (known.has(named) ? named : undefined);
}
