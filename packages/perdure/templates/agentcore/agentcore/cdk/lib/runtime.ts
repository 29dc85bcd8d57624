/** A runtime of agentcore.json: image, who may call, which headers reach the code, and how long a session lives. */
import { Duration, Stack } from "aws-cdk-lib";
import {
  AgentRuntimeArtifact,
  ProtocolType,
  Runtime,
  RuntimeAuthorizerConfiguration,
  RuntimeNetworkConfiguration,
} from "aws-cdk-lib/aws-bedrockagentcore";
import { type IRole, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { imageOf } from "./image.ts";
import type { JwtAuthorizer, RuntimeSpec } from "./project.ts";
import type { Record } from "./record.ts";

export interface HostedRuntimeProps {
  readonly spec: RuntimeSpec;
  readonly project: string;
  /** Beside that of the specification. */
  readonly environment: Readonly<{ [name: string]: string }>;
  /** In whose network it is; without one it is in none of yours. */
  readonly record?: Record;
}

export class HostedRuntime extends Construct {
  readonly arn: string;
  readonly role: IRole;
  readonly #modelId: string | undefined;

  constructor(scope: Construct, id: string, { spec, project, environment, record }: HostedRuntimeProps) {
    super(scope, id);
    const own = Object.fromEntries((spec.envVars ?? []).map(({ name, value }) => [name, value]));
    this.#modelId = own["MODEL_ID"];
    const { idleRuntimeSessionTimeout: idle = 900, maxLifetime = 28_800 } = spec.lifecycleConfiguration ?? {};
    const jwt = spec.authorizerConfiguration?.customJwtAuthorizer;
    const runtime = new Runtime(this, "Runtime", {
      runtimeName: `${project}_${spec.name}`,
      ...(spec.description !== undefined && { description: spec.description }),
      agentRuntimeArtifact: AgentRuntimeArtifact.fromAsset(...imageOf(spec.customDockerBuildArgs)),
      protocolConfiguration: ProtocolType.of(spec.protocol ?? "HTTP"),
      environmentVariables: { ...own, ...environment },
      requestHeaderConfiguration: { allowlistedHeaders: [...(spec.requestHeaderAllowlist ?? [])] },
      authorizerConfiguration: jwt ? byToken(jwt) : RuntimeAuthorizerConfiguration.usingIAM(),
      lifecycleConfiguration: {
        idleRuntimeSessionTimeout: Duration.seconds(idle),
        maxLifetime: Duration.seconds(maxLifetime),
      },
      networkConfiguration: record
        ? RuntimeNetworkConfiguration.usingVpc(this, {
            vpc: record.vpc,
            securityGroups: [record.securityGroup(this)],
          })
        : RuntimeNetworkConfiguration.usingPublicNetwork(),
    });
    this.arn = runtime.agentRuntimeArn;
    this.role = runtime.role;
  }

  /** The one that `MODEL_ID` names, on Amazon Bedrock: a model, or a profile that spreads its calls over regions. */
  allowModel(): void {
    if (this.#modelId === undefined) throw new Error("agentcore.json names no MODEL_ID for the agent.");
    const { partition, region, account } = Stack.of(this);
    const model = this.#modelId.replace(/^(global|[a-z]{2,4}(-gov)?)\./, "");
    const models = `arn:${partition}:bedrock:*::foundation-model/${model}`;
    const profile = `arn:${partition}:bedrock:${region}:${account}:inference-profile/${this.#modelId}`;
    this.role.addToPrincipalPolicy(
      new PolicyStatement({
        sid: "InvokeModel",
        actions: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
        resources: model === this.#modelId ? [models] : [models, profile],
      }),
    );
  }
}

function byToken({ discoveryUrl, allowedClients, allowedAudience, allowedScopes }: JwtAuthorizer) {
  const list = (values: readonly string[] | undefined) => (values?.length ? [...values] : undefined);
  return RuntimeAuthorizerConfiguration.usingJWT(
    discoveryUrl,
    list(allowedClients),
    list(allowedAudience),
    list(allowedScopes),
  );
}
