/**
 * Postgres for the tasks: Aurora Serverless in private subnets, with a password that RDS makes and Secrets Manager keeps.
 * Only what is told so by `connections` reaches it.
 */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { type Connections, Peer, Port, SecurityGroup, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
} from "aws-cdk-lib/aws-rds";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";

export class Record extends Construct {
  readonly vpc: Vpc;
  readonly secret: ISecret;
  readonly #connections: Connections;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.vpc = new Vpc(this, "Vpc", { natGateways: 1 });
    const cluster = new DatabaseCluster(this, "Cluster", {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_4 }),
      writer: ClusterInstance.serverlessV2("writer"),
      serverlessV2MinCapacity: 0.5,
      serverlessV2MaxCapacity: 4,
      vpc: this.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      credentials: Credentials.fromGeneratedSecret("perdure"),
      defaultDatabaseName: "perdure",
      storageEncrypted: true,
      backup: { retention: Duration.days(7) },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });
    if (cluster.secret === undefined) throw new Error("the cluster has no secret.");
    this.secret = cluster.secret;
    this.#connections = cluster.connections;
  }

  /** For a program: into the database, and out to AWS over HTTPS; nobody comes in. */
  securityGroup(scope: Construct): SecurityGroup {
    const group = new SecurityGroup(scope, "SecurityGroup", { vpc: this.vpc, allowAllOutbound: false });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "AWS");
    this.#connections.allowDefaultPortFrom(group);
    return group;
  }
}
