/** Handlers of other versions of a tool, each with the schemas of its time. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { parseWith, type Schema } from "../engine/schema.ts";
import type { TaskTool, ToolVersion } from "../engine/tool.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { TaskHandler } from "./declaration.ts";

/** A handler as it was, with the schemas of its time: made by {@link taskVersion}. */
export type TaskVersion = (tool: string) => ToolVersion;

/** For `versions`: what runs the tasks of another version of a tool. */
export function taskVersion<
  Input extends Schema,
  Result extends StandardSchemaV1.InferInput<Output>,
  Output extends Schema = Schema,
>(
  options: { readonly input: Input; readonly output?: Output },
  handler: TaskHandler<Input, Result>,
): TaskVersion {
  return (tool) => toVersion(tool, options, handler);
}

export function toVersion(
  name: string,
  { input: schema, output }: { readonly input: Schema; readonly output?: Schema },
  handler: TaskTool["handler"],
): ToolVersion {
  return {
    parseInput: (input) => parseWith(schema, input, "INVALID_INPUT", `the input of ${name}`),
    parseOutput: async (returned) =>
      output === undefined
        ? returned
        : parseWith(output, returned, "INVALID_OUTPUT", `the result of ${name}`),
    handler,
  };
}

/** @throws PerdureError `INVALID_OPTION` */
export function checkVersion(version: string, setting: string): void {
  if (/^[\x20-\x7e]{1,128}$/.test(version)) return;
  throw new PerdureError("INVALID_OPTION", {
    message: `${setting} must be 1 to 128 printable ASCII characters; ${quote(version)} came.`,
  });
}
