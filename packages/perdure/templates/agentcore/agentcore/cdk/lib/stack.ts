/** Memory, record, MCP server, agent and worker. What each may do is said where it is made, and is no more than it calls. */
import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import { Memory } from "aws-cdk-lib/aws-bedrockagentcore";
import type { Construct } from "constructs";
import { type Project, runtimeOf } from "./project.ts";
import { Record } from "./record.ts";
import { HostedRuntime } from "./runtime.ts";
import { Worker } from "./worker.ts";

export interface ProjectStackProps extends StackProps {
  readonly project: Project;
}

export class ProjectStack extends Stack {
  constructor(scope: Construct, id: string, { project, ...props }: ProjectStackProps) {
    super(scope, id, props);
    const [spec] = project.memories;
    if (spec === undefined) throw new Error("agentcore.json has no memory.");
    const memory = new Memory(this, "Memory", {
      memoryName: `${project.name}_${spec.name}`,
      expirationDuration: Duration.days(spec.eventExpiryDuration),
    });
    const record = new Record(this, "Record");
    const settings = {
      AWS_REGION: this.region,
      MEMORY_ID: memory.memoryId,
      DATABASE_SECRET: record.secret.secretArn,
    };

    const server = new HostedRuntime(this, "Server", {
      spec: runtimeOf(project, "server"),
      project: project.name,
      environment: settings,
      record,
    });
    const worker = new Worker(this, "Worker", { environment: settings, record });
    for (const role of [server.role, worker.role]) {
      record.secret.grantRead(role);
      memory.grant(role, "bedrock-agentcore:CreateEvent", "bedrock-agentcore:ListEvents");
    }

    const agent = new HostedRuntime(this, "Agent", {
      spec: runtimeOf(project, "agent"),
      project: project.name,
      environment: { AWS_REGION: this.region, MEMORY_ID: memory.memoryId, SERVER_ARN: server.arn },
    });
    // It deletes what a guardrail blocks.
    memory.grant(
      agent.role,
      "bedrock-agentcore:CreateEvent",
      "bedrock-agentcore:ListEvents",
      "bedrock-agentcore:DeleteEvent",
    );
    agent.allowModel();

    new CfnOutput(this, "AgentArn", { value: agent.arn });
    new CfnOutput(this, "ServerArn", { value: server.arn });
    new CfnOutput(this, "MemoryId", { value: memory.memoryId });
  }

  /** Named in cdk.json, and not looked up: AgentCore Runtime is not in every zone of a region. */
  override get availabilityZones(): string[] {
    const zones = this.node.getContext("availabilityZones") as readonly string[];
    return zones.map((zone) => `${this.region}${zone}`);
  }
}
