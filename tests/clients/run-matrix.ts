/** Runs the matrix on one deployment: the kinds beside each other, the scenarios of a kind one after the other. */
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Call, Outcome, TestClient } from "./client.ts";
import { type Deployment, type DeploymentName, deployments } from "./deployments/deployment.ts";
import { type Kind, kinds } from "./kinds/index.ts";
import { isPresent } from "./matrix.ts";
import { type Incident, incidents, type Waiting } from "./scenarios/incidents.ts";
import { peaceful } from "./scenarios/peaceful.ts";
import { expectOneTask, journalOf, newArguments } from "./scenarios/scenario.ts";

const allKinds = Object.keys(kinds) as Kind[];

/** Who the clients are, and a stranger to each. */
const principalOf = (kind: Kind): string => kind.replaceAll(/\W+/g, "-");
const strangerTo = (kind: Kind): string => `stranger-to-${principalOf(kind)}`;

export function runMatrix(name: DeploymentName): void {
  const present = allKinds.filter((kind) => isPresent({ kind, deployment: name }));
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployments[name]([...present.map(principalOf), ...present.map(strangerTo)]);
  });
  afterAll(() => deployment.close());

  describe.concurrent.each(present)("%s", (kind) => {
    let client: TestClient;
    beforeAll(() => {
      client = kinds[kind](deployment.accessOf(principalOf(kind)));
    });
    afterAll(() => client.close());

    for (const scenario of peaceful) {
      if (!isPresent({ kind, deployment: name, scenario: scenario.name })) continue;
      it(scenario.name, { concurrent: false }, () =>
        scenario.run({
          kind,
          client,
          deployment,
          folder: deployment.folderOf(principalOf(kind)),
          stranger: () => kinds[kind](deployment.accessOf(strangerTo(kind))),
        }),
      );
    }
  });

  for (const incident of incidents) {
    const concerned = present.filter((kind) =>
      isPresent({ kind, deployment: name, scenario: incident.name }),
    );
    if (concerned.length > 0) describe(incident.name, () => survive(incident, concerned, () => deployment));
  }
}

/** All kinds wait for work when it happens; each has its result in the end. */
function survive(incident: Incident, concerned: readonly Kind[], get: () => Deployment): void {
  const survivors = new Map<Kind, Survivor>();

  beforeAll(async () => {
    const deployment = get();
    const begun = await Promise.all(
      concerned.map(async (kind) => [kind, await begin(deployment, kind)] as const),
    );
    await incident.befall(
      deployment,
      begun.map(([, waiting]) => waiting),
    );
    for (const [kind, waiting] of begun) survivors.set(kind, { ...waiting, end: goOn(waiting) });
  });

  afterAll(async () => {
    await Promise.all([...survivors.values()].map(({ client }) => client.close()));
    await get().http?.restart();
  });

  it.concurrent.each(concerned)("%s", async (kind) => {
    const { call, end } = survivors.get(kind) as Survivor;
    const deployment = get();
    const outcome = await end;
    expectOneTask(deployment.folderOf(principalOf(kind)), call.args, outcome, incident.attempts(deployment));
  });
}

interface Survivor extends Waiting {
  readonly end: Promise<Outcome>;
}

async function begin(deployment: Deployment, kind: Kind): Promise<Waiting> {
  const client = kinds[kind](deployment.accessOf(principalOf(kind)));
  const call = client.call("slow", newArguments(1_500));
  call.outcome.catch(() => undefined);
  const entries = await journalOf(deployment.folderOf(principalOf(kind)), call.args, (all) =>
    all.some(({ event }) => event === "saved"),
  );
  return { client, call, pid: entries[0]?.pid ?? -1 };
}

/** As its user does: waits on, and asks again when the wait broke off. */
async function goOn({ client, call }: { client: TestClient; call: Call }): Promise<Outcome> {
  const end = call.outcome.catch(() => client.again(call));
  end.catch(() => undefined);
  return end;
}
