/** Handlers of other versions of a tool, each with the schemas of its time. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { parseWith, type Schema } from "../engine/schema.ts";
import type { TaskTool, ToolVersion } from "../engine/tool.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { TaskHandler } from "./declaration.ts";
import { type ThreadOptions, toHandler } from "./thread-handler.ts";

/** A handler as it was, with the schemas of its time: made by {@link taskVersion}. */
export type TaskVersion = (tool: string) => ToolVersion;

interface VersionOptions<Input extends Schema = Schema, Output extends Schema = Schema> {
  readonly input: Input;
  readonly output?: Output;
}

/** For `versions`: what runs the tasks of another version of a tool. */
export function taskVersion<
  Input extends Schema,
  Result extends StandardSchemaV1.InferInput<Output>,
  Output extends Schema = Schema,
>(options: VersionOptions<Input, Output>, handler: TaskHandler<Input, Result>): TaskVersion;
/** As above, of a handler that runs in a thread. */
export function taskVersion<
  Input extends Schema,
  Result extends StandardSchemaV1.InferInput<Output>,
  Output extends Schema = Schema,
>(options: VersionOptions<Input, Output> & ThreadOptions<TaskHandler<Input, Result>>): TaskVersion;
export function taskVersion(
  options: VersionOptions & Partial<ThreadOptions<unknown>>,
  handler?: TaskHandler<Schema, unknown>,
): TaskVersion {
  return (tool) => toVersion(tool, options, toHandler(tool, options, handler));
}

export function toVersion(
  name: string,
  { input: schema, output }: VersionOptions,
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
