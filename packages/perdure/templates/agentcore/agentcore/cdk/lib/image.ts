/** The images of all three programs come from the one Dockerfile. They are built when the stack is deployed, with Docker. */
import { IgnoreMode } from "aws-cdk-lib";
import { type DockerImageAssetOptions, Platform } from "aws-cdk-lib/aws-ecr-assets";
import { projectFolder } from "./project.ts";

export function imageOf(buildArgs: Readonly<Record<string, string>> = {}): [string, DockerImageAssetOptions] {
  const options = { platform: Platform.LINUX_ARM64, buildArgs, ignoreMode: IgnoreMode.DOCKER };
  return [projectFolder, options];
}
