/** What the synthesised template must say, and must not: who may call, what reaches the code, who may do what. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const templateSchema = z.object({
  Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.looseObject({}).default({}) })),
});
type Resources = readonly z.output<typeof templateSchema>["Resources"][string][];

const policySchema = z.object({
  PolicyDocument: z.object({
    Statement: z.array(
      z.object({ Action: z.union([z.string(), z.array(z.string())]), Resource: z.unknown() }),
    ),
  }),
});

const assetsSchema = z.object({
  dockerImages: z.record(
    z.string(),
    z.object({
      source: z.object({ platform: z.string(), dockerBuildArgs: z.object({ PROGRAM: z.string() }) }),
    }),
  ),
});

export interface Caller {
  readonly discoveryUrl: string;
  readonly client: string;
}

/** @param out `cdk.out` */
export function checkStack(out: string, name: string, caller: Caller): void {
  const template = templateSchema.parse(read(out, `AgentCore-${name}-default.template.json`));
  const resources = Object.values(template.Resources);
  checkRuntimes(resources, name, caller);
  all(resources, "AWS::BedrockAgentCore::Memory", [{ Name: `${name}_conversations` }]);
  all(resources, "AWS::ECS::TaskDefinition", [{ RuntimePlatform: { CpuArchitecture: "ARM64" } }]);
  const network = { AwsvpcConfiguration: { AssignPublicIp: "DISABLED" } };
  all(resources, "AWS::ECS::Service", [{ DesiredCount: 1, NetworkConfiguration: network }]);
  all(resources, "AWS::RDS::DBCluster", [{ StorageEncrypted: true, DeletionProtection: true }]);
  assert.match(JSON.stringify(template), /"MasterUserPassword":\{[^}]*\{\{resolve:secretsmanager/);
  for (const { Properties } of ofType(resources, "AWS::EC2::SecurityGroupIngress"))
    assert(!("CidrIp" in Properties), "the database is entered from groups only");
  checkImages(out);
  checkPolicies(resources);
}

function checkRuntimes(resources: Resources, name: string, { discoveryUrl, client }: Caller): void {
  const both = {
    AuthorizerConfiguration: {
      CustomJWTAuthorizer: { DiscoveryUrl: discoveryUrl, AllowedClients: [client] },
    },
    RequestHeaderConfiguration: { RequestHeaderAllowlist: ["Authorization"] },
  };
  all(resources, "AWS::BedrockAgentCore::Runtime", [
    {
      ...both,
      AgentRuntimeName: `${name}_server`,
      ProtocolConfiguration: "MCP",
      NetworkConfiguration: { NetworkMode: "VPC" },
    },
    {
      ...both,
      AgentRuntimeName: `${name}_agent`,
      ProtocolConfiguration: "HTTP",
      NetworkConfiguration: { NetworkMode: "PUBLIC" },
    },
  ]);
}

/** One for each program, all for arm64. */
function checkImages(out: string): void {
  const file = readdirSync(out).find((name) => name.endsWith(".assets.json")) ?? "";
  const images = Object.values(assetsSchema.parse(read(out, file)).dockerImages).map(({ source }) => source);
  assert.deepEqual(
    new Set(images.map(({ dockerBuildArgs, platform }) => `${dockerBuildArgs.PROGRAM} ${platform}`)),
    new Set(["server linux/arm64", "agent linux/arm64", "worker linux/arm64"]),
  );
}

/** Its own, and no other's: of the model that `MODEL_ID` names, by the profile of this account. */
const models = [
  "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-6",
  "arn:aws:bedrock:us-west-2:210987654321:inference-profile/global.anthropic.claude-sonnet-4-6",
];

/** What can only be allowed for all resources, by AWS's own description of these actions. */
const withoutResource = new Set([
  "cloudwatch:PutMetricData",
  "ecr:GetAuthorizationToken",
  "xray:GetSamplingRules",
  "xray:GetSamplingTargets",
  "xray:PutTelemetryRecords",
  "xray:PutTraceSegments",
]);

function checkPolicies(resources: Resources): void {
  for (const { Properties } of ofType(resources, "AWS::IAM::Role"))
    assert(!("ManagedPolicyArns" in Properties), "no policy that AWS manages");
  const statements = ofType(resources, "AWS::IAM::Policy").flatMap(
    ({ Properties }) => policySchema.parse(Properties).PolicyDocument.Statement,
  );
  assert.deepEqual(
    statements
      .filter(({ Action }) => [Action].flat().includes("bedrock:InvokeModel"))
      .map((one) => one.Resource),
    [models],
  );
  for (const { Action, Resource: resource } of statements) {
    const actions = [Action].flat();
    assert(!actions.some((action) => action.includes("*")), `${actions.join()}: each action by its name`);
    const wide = JSON.stringify(resource) === '"*"' ? actions : [];
    assert.deepEqual(
      wide.filter((action) => !withoutResource.has(action)),
      [],
    );
  }
}

function ofType(resources: Resources, type: string): Resources {
  return resources.filter(({ Type }) => Type === type);
}

/** So many there are, in their order, and they say this. */
function all(resources: Resources, type: string, expected: readonly object[]): void {
  const found = ofType(resources, type).map(({ Properties }) => Properties);
  assert.equal(found.length, expected.length, type);
  assert.partialDeepStrictEqual(found, expected);
}

function read(out: string, file: string): unknown {
  return JSON.parse(readFileSync(join(out, file), "utf8"));
}
