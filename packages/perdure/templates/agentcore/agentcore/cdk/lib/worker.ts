/** The worker: a service on Fargate that runs tasks, and goes on with those whose session of the Runtime ended. */
import { Duration } from "aws-cdk-lib";
import {
  Cluster,
  ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
} from "aws-cdk-lib/aws-ecs";
import type { IRole } from "aws-cdk-lib/aws-iam";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { imageOf } from "./image.ts";
import type { Record } from "./record.ts";

export interface WorkerProps {
  readonly environment: { [name: string]: string };
  readonly record: Record;
}

export class Worker extends Construct {
  readonly role: IRole;

  constructor(scope: Construct, id: string, { environment, record }: WorkerProps) {
    super(scope, id);
    const task = new FargateTaskDefinition(this, "Task", {
      cpu: 512,
      memoryLimitMiB: 1024,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    task.addContainer("worker", {
      image: ContainerImage.fromAsset(...imageOf({ PROGRAM: "worker" })),
      environment,
      logging: LogDrivers.awsLogs({ streamPrefix: "worker", logRetention: RetentionDays.ONE_MONTH }),
      // It gives its tasks back within five seconds of SIGTERM.
      stopTimeout: Duration.seconds(30),
    });
    new FargateService(this, "Service", {
      cluster: new Cluster(this, "Cluster", { vpc: record.vpc }),
      taskDefinition: task,
      desiredCount: 1,
      securityGroups: [record.securityGroup(this)],
      circuitBreaker: { rollback: true },
      minHealthyPercent: 100,
    });
    this.role = task.taskRole;
  }
}
