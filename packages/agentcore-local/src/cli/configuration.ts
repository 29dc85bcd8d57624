/** What `--config FILE` says: JSON, with the options of the code. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { GatewayDefinition, type GatewayOptions } from "../gateway/gateway.ts";
import { RuntimeDefinition, type RuntimeOptions } from "../runtime/runtime.ts";

const Configuration = z.strictObject({
  $schema: z.string().optional(),
  runtimes: z.array(RuntimeDefinition).default([]),
  gateways: z.array(GatewayDefinition).default([]),
});

export interface ConfigurationFile {
  readonly runtimes: readonly RuntimeOptions[];
  readonly gateways: readonly GatewayOptions[];
  /** `{folder}` where a runtime names none: that of the file. */
  readonly folder: string;
}

/** @throws TypeError that names the file and what is wrong in it */
export function readConfiguration(file: string): ConfigurationFile {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new TypeError(`--config ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const parsed = Configuration.safeParse(value);
  if (!parsed.success) throw new TypeError(`--config ${file}: ${z.prettifyError(parsed.error)}`);
  // As it was written: the defaults are filled in where it is used.
  const { runtimes = [], gateways = [] } = value as Partial<ConfigurationFile>;
  return { runtimes, gateways, folder: dirname(resolve(file)) };
}
