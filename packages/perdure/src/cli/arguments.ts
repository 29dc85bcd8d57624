/** `--arg k=v` as the arguments of a tool: the tool's input schema says what each text is to become. */
import { z } from "zod";
import type { JsonObject, JsonValue } from "../task/json.ts";
import { CommandError, exitCodes } from "./exit.ts";

const inputSchema = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
});
const propertySchema = z.object({ type: z.union([z.string(), z.array(z.string())]) });

/** @throws CommandError `usage`, naming what was expected and what came. */
export function parseArguments(
  schema: unknown,
  pairs: readonly string[],
  json: string | undefined,
): JsonObject {
  const whole = json === undefined ? {} : parseWhole(json);
  const properties = inputSchema.safeParse(schema).data?.properties ?? {};
  const single = pairs.map((pair): [string, JsonValue] => {
    const equals = pair.indexOf("=");
    if (equals < 1) throw unfit(`--arg takes name=value; "${pair}" came.`);
    const name = pair.slice(0, equals);
    return [name, parseValue(name, pair.slice(equals + 1), properties)];
  });
  return { ...whole, ...Object.fromEntries(single) };
}

function parseWhole(text: string): JsonObject {
  const parsed = tryJson(text);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  throw unfit(`--json-args takes one JSON object; ${shorten(text)} came.`);
}

function parseValue(name: string, text: string, properties: Readonly<Record<string, unknown>>): JsonValue {
  const known = Object.keys(properties);
  if (known.length > 0 && !known.includes(name)) {
    throw unfit(`the tool has no argument "${name}"; it has ${known.join(", ")}.`);
  }
  const types = typesOf(properties[name]);
  for (const type of types) {
    const value = readAs(type, text);
    if (value !== undefined) return value;
  }
  // Of an argument whose type the schema does not say in so many words: JSON where it is JSON, else text.
  if (types.length === 0) return tryJson(text) ?? text;
  throw unfit(`${name} must be ${types.join(" or ")}; ${shorten(text)} came.`);
}

/** Text last: everything is text. */
function typesOf(property: unknown): readonly string[] {
  const type = propertySchema.safeParse(property).data?.type ?? [];
  const types = typeof type === "string" ? [type] : type;
  return [...types.filter((name) => name !== "string"), ...types.filter((name) => name === "string")];
}

function readAs(type: string, text: string): JsonValue | undefined {
  if (type === "string") return text;
  const value = tryJson(text);
  switch (type) {
    case "integer":
      return Number.isInteger(value) ? value : undefined;
    case "array":
      return Array.isArray(value) ? value : undefined;
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
    case "null":
      return value === null ? value : undefined;
    default:
      // number and boolean
      return typeof value === type ? value : undefined;
  }
}

function tryJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function unfit(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
