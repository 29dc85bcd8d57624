/** Arguments that a client repeats in headers, because the input schema says so by `x-mcp-header`. */
import { asObject, type JsonObject } from "../../task/json.ts";

export interface HeaderParameter {
  /** Lower case. */
  readonly header: string;
  /** Where the argument is. */
  readonly path: readonly string[];
}

/** Those that can be reached by properties alone; no other place is allowed. */
export function headerParameters(schema: JsonObject, path: readonly string[] = []): HeaderParameter[] {
  const found: HeaderParameter[] = [];
  const name = schema["x-mcp-header"];
  if (typeof name === "string") found.push({ header: `mcp-param-${name.toLowerCase()}`, path });
  for (const [key, property] of Object.entries(asObject(schema["properties"]) ?? {})) {
    const nested = asObject(property);
    if (nested !== undefined) found.push(...headerParameters(nested, [...path, key]));
  }
  return found;
}
