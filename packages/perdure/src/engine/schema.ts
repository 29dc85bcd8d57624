/** Schemas are zod or any other Standard Schema (https://standardschema.dev). */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { PerdureError } from "../task/errors.ts";

export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/**
 * The value that the schema makes of what came.
 * @throws PerdureError with `code`, naming every place that did not fit.
 */
export async function parseWith(
  schema: Schema,
  value: unknown,
  code: "INVALID_INPUT" | "INVALID_OUTPUT",
  what: string,
): Promise<unknown> {
  const validated = schema["~standard"].validate(value);
  const result = validated instanceof Promise ? await validated : validated;
  if (result.issues === undefined) return result.value;
  throw new PerdureError(code, {
    message: `${what} does not fit its schema: ${result.issues.map(say).join("; ")}`,
  });
}

function say({ path = [], message }: StandardSchemaV1.Issue): string {
  const place = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return place === "" ? message : `${place}: ${message}`;
}
