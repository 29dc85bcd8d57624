/**
 * The envelope: on 2026-07-28 every request says in its `_meta` which revision it speaks, who asks and what the client
 * can do, because nothing is remembered from one request to the next.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  SERVER_INFO_META_KEY,
} from "@modelcontextprotocol/server";
import { asObject, isArray, type JsonObject, type JsonValue } from "../../task/json.ts";
import type { Question } from "../../task/record.ts";
import { type LoggingLevel, toLoggingLevel } from "../call/logging.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { Service } from "../service.ts";

export const revision = "2026-07-28";
export const tasksExtension = "io.modelcontextprotocol/tasks";
/** Deprecated with this revision, and in use. */
const logLevelKey = "io.modelcontextprotocol/logLevel";

/** What the client can be asked. */
export type Askable = ReadonlySet<Question["mode"]>;

export interface Envelope {
  /** Whether this request may be answered with a task. No earlier request counts. */
  readonly declaresTasks: boolean;
  readonly askable: Askable;
  readonly progressToken: string | number | undefined;
  /** The least urgent log messages that the client wants; absent: none. */
  readonly logLevel: LoggingLevel | undefined;
  readonly clientName: string | undefined;
}

export function readEnvelope(params: JsonObject): Envelope {
  const meta = objectAt(params, "_meta");
  const token = meta?.["progressToken"];
  const level = meta?.[logLevelKey];
  const name = objectAt(meta, CLIENT_INFO_META_KEY)?.["name"];
  const capabilities = objectAt(meta, CLIENT_CAPABILITIES_META_KEY);
  return {
    declaresTasks: declaresTasks(capabilities),
    askable: askableOf(capabilities),
    progressToken: typeof token === "string" || typeof token === "number" ? token : undefined,
    logLevel: toLoggingLevel(level),
    clientName: typeof name === "string" ? name : undefined,
  };
}

/** @param capabilities as the client declared them. An empty `elicitation` means forms. */
function askableOf(capabilities: JsonObject | undefined): Askable {
  const askable = new Set<Question["mode"]>();
  const elicitation = objectAt(capabilities, "elicitation");
  if (elicitation !== undefined) {
    if (elicitation["url"] !== undefined) askable.add("url");
    if (elicitation["form"] !== undefined || elicitation["url"] === undefined) askable.add("form");
  }
  if (objectAt(capabilities, "sampling") !== undefined) askable.add("sample");
  return askable;
}

/** Exactly an empty object: settings that nobody has defined must not be taken for an agreement. */
function declaresTasks(capabilities: JsonObject | undefined): boolean {
  const settings = objectAt(objectAt(capabilities, "extensions"), tasksExtension);
  return settings !== undefined && Object.keys(settings).length === 0;
}

/** A property of its own that is an object. */
export function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  return object !== undefined && Object.hasOwn(object, key) ? asObject(object[key]) : undefined;
}

export function isTexts(value: JsonValue | undefined): value is readonly string[] {
  return (
    typeof value === "object" &&
    value !== null &&
    isArray(value) &&
    value.every((item) => typeof item === "string")
  );
}

/** A result as every result must be here: it says what kind it is and who answers. */
export function stamp(
  service: Service,
  fields: JsonObject,
  resultType: "complete" | "task" | "input_required" = "complete",
): JsonObject {
  return {
    ...fields,
    resultType,
    _meta: {
      ...asObject(fields["_meta"]),
      [SERVER_INFO_META_KEY]: { name: service.name, version: service.version },
    },
  };
}

/** The answer to a request that needs the extension and did not declare it. Its HTTP status is 400. */
export const missingTasks: JsonRpcError = {
  code: -32_021,
  message: "Missing required client capability",
  data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
};
