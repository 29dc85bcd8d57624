/** JSON Schemas of what authors declare: of tools for `tools/list`, of questions for elicitation. */
import { PerdureError, quote } from "../task/errors.ts";
import type { JsonObject, JsonValue } from "../task/json.ts";

/** A JSON Schema (2020-12) whose root is an object. */
export type ObjectSchema = JsonObject & { readonly type: "object" };

/** The part of Standard JSON Schema (https://standardschema.dev/json-schema) that is read here. */
interface WithJsonSchema {
  readonly "~standard": {
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
      readonly output: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
    };
  };
}

/**
 * @param side `input`: what may be sent; `output`: what comes out.
 * @throws PerdureError `INVALID_OPTION` where the schema cannot be written as a JSON Schema of an object.
 */
export function toObjectSchema(
  schema: object,
  tool: string,
  side: "input" | "output" = "input",
): ObjectSchema {
  const converter = (schema as Partial<WithJsonSchema>)["~standard"]?.jsonSchema;
  if (converter === undefined) {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `the ${side} schema of ${quote(tool)} has no JSON Schema, which clients need. zod 4 and ArkType bring it; ` +
        `wrap a Valibot schema in toStandardJsonSchema of @valibot/to-json-schema.`,
    });
  }
  const { $schema: _, ...json } = converted(converter[side], tool, side);
  if (json["type"] !== "object") {
    throw new PerdureError("INVALID_OPTION", {
      message: `the ${side} schema of ${quote(tool)} must be an object: MCP passes arguments and structure by name.`,
    });
  }
  return json as JsonObject as ObjectSchema;
}

function converted(
  convert: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>,
  tool: string,
  side: "input" | "output",
): Record<string, unknown> {
  try {
    return convert({ target: "draft-2020-12" });
  } catch (error) {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `the ${side} schema of ${quote(tool)} cannot be written as a JSON Schema, which clients need: ` +
        (error instanceof Error ? error.message : String(error)),
      cause: error,
    });
  }
}

const primitives: ReadonlySet<JsonValue | undefined> = new Set(["string", "number", "integer", "boolean"]);

/**
 * The schema of a question: MCP asks people for flat forms only.
 * Source: MCP 2025-11-25, client/elicitation, "Requested Schema".
 * @throws PerdureError `INVALID_OPTION`
 */
export function toQuestionSchema(schema: object | undefined, question: string): ObjectSchema {
  if (schema === undefined) {
    throw new PerdureError("INVALID_OPTION", {
      message: `the question ${quote(question)} needs a schema or a url.`,
    });
  }
  const { additionalProperties: _, ...json } = toObjectSchema(schema, question, "input");
  for (const [name, property] of Object.entries((json["properties"] ?? {}) as JsonObject)) {
    const { type, items } = property as { readonly type?: JsonValue; readonly items?: JsonValue };
    if (primitives.has(type) || (type === "array" && items !== undefined)) continue;
    throw new PerdureError("INVALID_OPTION", {
      message:
        `the question ${quote(question)}: ${quote(name)} must be a string, number, boolean or choice: ` +
        `clients show a question as a flat form.`,
    });
  }
  return json;
}
