/** JSON Schemas of what authors declare, for `tools/list`. */
import { PerdureError, quote } from "../task/errors.ts";
import type { JsonObject } from "../task/json.ts";
import type { ObjectSchema } from "./service.ts";

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
