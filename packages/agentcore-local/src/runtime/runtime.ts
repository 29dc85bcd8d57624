/** A runtime, as one would make it with `CreateAgentRuntime`: a program, its protocol, and who may call it. */
import { z } from "zod";
import { Authorizer, JwtAuthorizer } from "../authorizer.ts";
import { HeaderAllowList } from "./allow-list.ts";

const seconds = z.int().min(60).max(28_800);

export const RuntimeDefinition = z
  .strictObject({
    /** As AWS has it: a letter, then letters, digits and `_`, 48 at most. */
    name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,47}$/),
    /** @default `arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/NAME-0123456789` */
    arn: z
      .string()
      .regex(/^arn:[a-z-]+:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:runtime\/[a-zA-Z0-9_-]+$/)
      .optional(),
    /** HTTP: `POST /invocations`. MCP: `POST /mcp`. */
    protocol: z.enum(["HTTP", "MCP"]).default("HTTP"),
    /** `{port}`, `{disk}`, `{folder}` and `{url}` are filled in, here, in `args` and in `env`. */
    command: z.string().min(1),
    args: z.array(z.string()).default([]),
    env: z.record(z.string(), z.string()).default({}),
    /** `{folder}`. @default that of the configuration file, or the working directory */
    folder: z.string().optional(),
    /** Whether `time_of_last_update` of its `/ping` keeps a session alive. */
    ping: z.boolean().default(true),
    /** Beside `DEFAULT`. */
    qualifiers: z.array(z.string()).default([]),
    requestHeaderAllowlist: HeaderAllowList.default([]),
    /** Seconds, as on AWS. */
    lifecycleConfiguration: z
      .strictObject({ idleRuntimeSessionTimeout: seconds.optional(), maxLifetime: seconds.optional() })
      .default({}),
    customJWTAuthorizer: JwtAuthorizer.optional(),
  })
  .refine(
    ({ requestHeaderAllowlist: list, customJWTAuthorizer: jwt }) =>
      jwt !== undefined || !list.includes("authorization"),
    { message: "Authorization is passed on only with customJWTAuthorizer", path: ["requestHeaderAllowlist"] },
  );

export type RuntimeOptions = z.input<typeof RuntimeDefinition>;

export class Runtime {
  readonly definition: z.output<typeof RuntimeDefinition>;
  readonly arn: string;
  readonly idleMs: number;
  readonly lifeMs: number;
  readonly authorizer: Authorizer | undefined;

  constructor(definition: z.output<typeof RuntimeDefinition>) {
    this.definition = definition;
    const { name, arn, lifecycleConfiguration: life, customJWTAuthorizer: jwt } = definition;
    this.arn = arn ?? `arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/${name}-0123456789`;
    const lifeSeconds = life.maxLifetime ?? 28_800;
    this.lifeMs = lifeSeconds * 1000;
    this.idleMs = Math.min(life.idleRuntimeSessionTimeout ?? 900, lifeSeconds) * 1000;
    this.authorizer = jwt && new Authorizer(jwt);
  }

  get name(): string {
    return this.definition.name;
  }

  get isMcp(): boolean {
    return this.definition.protocol === "MCP";
  }

  get region(): string {
    return this.arn.split(":")[3] ?? "";
  }

  /** Its ARN, or its id together with the account. */
  isNamedBy(arnOrId: string, accountId: string | undefined): boolean {
    if (arnOrId === this.arn) return true;
    return this.arn.endsWith(`:${accountId ?? ""}:runtime/${arnOrId}`);
  }

  /** Where MCP clients, and callers with a bearer token, send their requests. */
  urlAt(address: string, qualifier = "DEFAULT"): string {
    return `${this.#pathAt(address)}?qualifier=${encodeURIComponent(qualifier)}`;
  }

  /** Of the protected resource (RFC 9728). */
  metadataUrlAt(address: string, qualifier = "DEFAULT"): string {
    const place = "/.well-known/oauth-protected-resource";
    return `${this.#pathAt(address)}${place}?qualifier=${encodeURIComponent(qualifier)}`;
  }

  #pathAt(address: string): string {
    return `${address}/runtimes/${encodeURIComponent(this.arn)}/invocations`;
  }
}
