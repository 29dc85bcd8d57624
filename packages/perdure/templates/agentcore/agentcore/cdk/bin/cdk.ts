/** One stack for each target of ../aws-targets.json, of what ../agentcore.json describes. */
import { App } from "aws-cdk-lib";
import { readProject, readTargets } from "../lib/project.ts";
import { ProjectStack } from "../lib/stack.ts";

const app = new App();
const project = readProject();
for (const { name, account, region } of readTargets()) {
  new ProjectStack(app, `AgentCore-${project.name}-${name}`, { project, env: { account, region } });
}
