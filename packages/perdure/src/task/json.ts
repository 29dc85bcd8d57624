/**
 * Values are JSON, and must come back equal.
 *
 * Whatever a task keeps (input, result, step results, saved state) is written as JSON and read back by another
 * attempt, perhaps in another process. A value that would come back as something else (a `Date` as a string, `NaN` as
 * `null`, a `Map` as `{}`) is refused before it is written, with the path to it, and the handler is given the decoded
 * value already in the first run: no code works today and breaks at the first crash.
 *
 * Two things are not strict. A property whose value is `undefined` counts as absent, as in JSON. A whole value may be
 * `undefined` (a step that returns nothing) and comes back so.
 */
import { PerdureError } from "./errors.ts";

export type JsonPrimitive = string | number | boolean | null;
export type JsonValue =
  JsonPrimitive | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/**
 * The compile-time half of the rule, to intersect a parameter with: nothing for a `T` that survives JSON (or is one of
 * `Also`), what no argument can be for any other.
 */
export type JsonOnly<T, Also = never> = [T] extends [Also | Json<T>]
  ? unknown
  : { readonly "this value does not come back equal from JSON": never };

/** `T` with `never` at each part that does not survive JSON. Unlike `JsonValue` it knows interfaces. */
export type Json<T> = T extends JsonValue | undefined | void
  ? T
  : T extends ((...args: never[]) => unknown) | symbol | bigint | Date | RegExp
    ? never
    : T extends Uint8Array | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | Promise<unknown>
      ? never
      : T extends object
        ? { [K in keyof T]: Json<T[K]> }
        : unknown extends T
          ? T
          : never;

/** Deeper values are refused: recursion over them would end in a stack overflow. */
const maxDepth = 500;
/** Of the path in a refusal, in UTF-16 units. */
const maxPathLength = 200;

/**
 * The JSON text of `value`, or `undefined` for `undefined`.
 * @param what names the value in the error: `result`, `step "charge"`.
 * @throws PerdureError `INVALID_VALUE` with the path of the first part that would not come back equal.
 */
export function encodeJson(value: unknown, what: string): string | undefined {
  if (value === undefined) return undefined;
  const unequal = findUnequal(value, 0);
  if (unequal !== undefined) throw refusal(what + unequal.path, unequal.came);
  return JSON.stringify(value);
}

/** The value of a JSON text that {@link encodeJson} made. */
export function decodeJson(text: string | undefined): JsonValue | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
}

/**
 * A copy that nobody else can change, as it will be read back. @throws PerdureError `INVALID_VALUE`
 */
export function copyJson<T>(value: T, what: string): T {
  return decodeJson(encodeJson(value, what)) as T;
}

/** JSON with the keys of every object in order: equal values give equal texts. */
export function canonicalJson(value: JsonValue | undefined): string {
  if (value === undefined) return "undefined";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${fields.join(",")}}`;
}

/** `Array.isArray` that also narrows readonly arrays. */
export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Of parsed JSON: the value, where it is an object. */
export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !isArray(value) ? value : undefined;
}

interface Unequal {
  readonly path: string;
  readonly came: string;
}

/** The path is put together on the way out, so that a value that is in order costs no strings. */
function findUnequal(value: unknown, depth: number): Unequal | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : here(String(value));
    case "object":
      break;
    case "undefined":
      return here("undefined inside an array");
    default:
      return here(`a ${typeof value}`);
  }
  if (value === null) return undefined;
  if (depth >= maxDepth) return here(`nesting deeper than ${maxDepth} levels, or a cycle`);
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = Array.isArray(value) ? Array.prototype : Object.prototype;
  if (prototype !== plain && prototype !== null) return here(`a ${className(prototype)}`);
  if ("toJSON" in value && typeof value.toJSON === "function") return here("an object with toJSON()");
  if (Object.getOwnPropertySymbols(value).length > 0) return here("an object with symbols as keys");
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const unequal = findUnequal(value[i], depth + 1);
      if (unequal !== undefined) return { ...unequal, path: `[${i}]${unequal.path}` };
    }
    return Object.keys(value).length > value.length ? here("an array with properties") : undefined;
  }
  // Of a plain object these are its own: nothing is inherited that could be enumerated.
  for (const key in value) {
    const part: unknown = value[key as keyof typeof value];
    const unequal = part === undefined ? undefined : findUnequal(part, depth + 1);
    if (unequal !== undefined) return { ...unequal, path: `.${key}${unequal.path}` };
  }
  return undefined;
}

function here(came: string): Unequal {
  return { path: "", came };
}

function className(prototype: unknown): string {
  const constructor = (prototype as { constructor?: { name?: string } }).constructor;
  return constructor?.name === undefined || constructor.name === "" ? "class instance" : constructor.name;
}

function refusal(path: string, came: string): PerdureError {
  const where = path.length <= maxPathLength ? path : `${path.slice(0, maxPathLength)}…`;
  return new PerdureError("INVALID_VALUE", {
    message:
      `${where} is ${came}, which JSON does not keep: it would come back as something else after a restart. ` +
      `Return plain objects, arrays, strings, finite numbers, booleans or null.`,
  });
}
