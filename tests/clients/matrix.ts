/**
 * The matrix: every scenario with every kind of client on every deployment. A cell that makes no sense is not skipped
 * but absent, for the reason that stands here.
 */
import type { DeploymentName } from "./deployments/deployment.ts";
import type { Kind } from "./kinds/index.ts";

interface Absence {
  readonly kind?: Kind;
  readonly deployment?: DeploymentName;
  readonly scenario?: string;
  readonly why: string;
}

const absences: readonly Absence[] = [
  { kind: "raw HTTP", deployment: "stdio", why: "it is a client over HTTP" },
  {
    scenario: "a foreign id",
    deployment: "stdio",
    why: "on stdio there is one user, and a process of his own",
  },
  {
    scenario: "a hand-over",
    kind: "client 2.4 with ext-tasks",
    why: "it declares the extension: it has a task at once",
  },
  { scenario: "a hand-over", kind: "sdk 1.32 with tasks", why: "it asks for a task, and has one at once" },
  {
    scenario: "a hand-over",
    kind: "Strands with tasksConfig",
    why: "it asks for a task, and has one at once",
  },
  ...(["Strands with tasksConfig", "raw HTTP"] as const).map((kind) => ({
    scenario: "a question to its model",
    kind,
    why: "it has no model to lend: it cannot declare sampling",
  })),
  {
    scenario: "the process that runs the work is killed, and the other goes on",
    deployment: "one process",
    why: "there is no other",
  },
  {
    scenario: "the process that runs the work is killed, and the other goes on",
    deployment: "stdio",
    why: "a client has one process: without it there is no connection",
  },
  {
    scenario: "the process that runs the work is killed, and the other goes on",
    deployment: "two processes over Postgres",
    why: "both run work; that each is taken over from is tried by test:faults -- --distributed",
  },
  {
    scenario: "a list of its tasks",
    kind: "client 2.4 with ext-tasks",
    why: "the extension has no list",
  },
  ...(["one process", "stdio"] as const).map((deployment) => ({
    scenario: "the process that does not run the work is killed",
    deployment,
    why: "there is one process",
  })),
  {
    scenario: "the process that does not run the work is killed",
    deployment: "two processes over Postgres",
    why: "both run work",
  },
];

export function isPresent(cell: {
  readonly kind: Kind;
  readonly deployment: DeploymentName;
  readonly scenario?: string;
}): boolean {
  return !absences.some(
    ({ kind = cell.kind, deployment = cell.deployment, scenario = cell.scenario }) =>
      kind === cell.kind && deployment === cell.deployment && scenario === cell.scenario,
  );
}
