/** The files that the AgentCore CLI validates, as far as the stack reads them: run `agentcore validate` before. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface RuntimeSpec {
  readonly name: string;
  readonly description?: string;
  readonly dockerfile?: string;
  readonly customDockerBuildArgs?: Readonly<Record<string, string>>;
  readonly envVars?: readonly { readonly name: string; readonly value: string }[];
  readonly protocol?: string;
  readonly requestHeaderAllowlist?: readonly string[];
  readonly authorizerConfiguration?: { readonly customJwtAuthorizer?: JwtAuthorizer };
  /** In seconds. */
  readonly lifecycleConfiguration?: {
    readonly idleRuntimeSessionTimeout?: number;
    readonly maxLifetime?: number;
  };
}

export interface JwtAuthorizer {
  readonly discoveryUrl: string;
  readonly allowedAudience?: readonly string[];
  readonly allowedClients?: readonly string[];
  readonly allowedScopes?: readonly string[];
}

export interface Project {
  readonly name: string;
  readonly runtimes: readonly RuntimeSpec[];
  readonly memories: readonly { readonly name: string; readonly eventExpiryDuration: number }[];
}

export interface Target {
  readonly name: string;
  readonly account: string;
  readonly region: string;
}

/** What the images are built from. */
export const projectFolder = join(import.meta.dirname, "../../..");

export function readProject(): Project {
  return JSON.parse(readFileSync(join(projectFolder, "agentcore/agentcore.json"), "utf8")) as Project;
}

export function readTargets(): readonly Target[] {
  return JSON.parse(readFileSync(join(projectFolder, "agentcore/aws-targets.json"), "utf8")) as Target[];
}

export function runtimeOf(project: Project, name: string): RuntimeSpec {
  const spec = project.runtimes.find((runtime) => runtime.name === name);
  if (spec === undefined) throw new Error(`agentcore.json has no runtime "${name}".`);
  return spec;
}
