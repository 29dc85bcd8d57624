/** What befalls servers and connections while clients wait; all kinds go through the same one together. */
import type { Kind } from "../kinds/index.ts";
import type { Deployment } from "../deployments/deployment.ts";
import type { Call, TestClient } from "../client.ts";

export interface Waiting {
  readonly kind: Kind;
  readonly client: TestClient;
  readonly call: Call;
  /** The process that runs the work. */
  readonly pid: number;
}

export interface Incident {
  readonly name: string;
  /** It happens while the clients' people are asked, and have not answered. */
  readonly whileAsked?: boolean;
  befall(deployment: Deployment, waiting: readonly Waiting[]): Promise<void>;
  /** How often the work was begun in the end, at least and at most. */
  attempts(deployment: Deployment): readonly [least: number, most: number];
}

async function killAll({ http }: Deployment, waiting: readonly Waiting[]): Promise<void> {
  await http?.kill();
  await http?.restart();
  // On stdio the client starts it again.
  if (http === undefined) for (const { pid } of waiting) process.kill(pid, "SIGKILL");
}

/**
 * To ask for the version, client 2.4 starts a process beside the one that it will use, and ends it: on the same file it
 * takes the work up, too.
 */
const startedAgain = 4;

export const incidents: readonly Incident[] = [
  {
    name: "every process is killed, and started again",
    befall: killAll,
    attempts: ({ http }) => (http === undefined ? [2, startedAgain] : [2, 2]),
  },
  {
    name: "every process is killed while a question is open, and started again",
    whileAsked: true,
    befall: killAll,
    // The answer may find it parked, or running.
    attempts: () => [2, startedAgain + 1],
  },
  {
    name: "every connection is cut",
    async befall({ http }, waiting) {
      http?.cut();
      if (http === undefined) await Promise.all(waiting.map(({ client }) => client.leave()));
    },
    // On stdio the end of the connection is the end of the process.
    attempts: ({ http }) => (http === undefined ? [2, startedAgain] : [1, 1]),
  },
  {
    name: "the process that runs the work is killed, and the other goes on",
    async befall({ http }, waiting) {
      await http?.kill(waiting.map(({ pid }) => pid));
    },
    attempts: () => [2, 2],
  },
  {
    name: "the process that does not run the work is killed",
    async befall({ http }, waiting) {
      const runs = waiting.map(({ pid }) => pid);
      await http?.kill(http.pids.filter((pid) => !runs.includes(pid)));
    },
    attempts: () => [1, 1],
  },
];
