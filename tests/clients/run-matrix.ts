/** Runs the matrix on one deployment: the kinds beside each other, the scenarios of a kind one after the other. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Answer, Call, Outcome, Person, TestClient } from "./client.ts";
import { type Deployment, type DeploymentName, deployments } from "./deployments/deployment.ts";
import { type Kind, kinds } from "./kinds/index.ts";
import { isPresent } from "./matrix.ts";
import { incidents, type Waiting } from "./scenarios/incidents.ts";
import { peaceful } from "./scenarios/peaceful.ts";
import { questions } from "./scenarios/questions.ts";
import { expectOneTask, journalOf, newArguments } from "./scenarios/scenario.ts";

/** Nothing here takes so long, but on a machine that has much else to do. */
const timeout = 60_000;

/** Who the clients are, and a stranger to each. */
const principalOf = (kind: Kind): string => kind.replaceAll(/\W+/g, "-");
const strangerTo = (kind: Kind): string => `stranger-to-${principalOf(kind)}`;

export function runMatrix(name: DeploymentName): void {
  const present = (Object.keys(kinds) as Kind[]).filter((kind) => isPresent({ kind, deployment: name }));
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployments[name]([...present.map(principalOf), ...present.map(strangerTo)]);
  }, timeout);
  afterAll(() => deployment.close());

  describe.concurrent.each(present)("%s", (kind) => {
    const scenarios = [...peaceful, ...questions].filter((scenario) =>
      isPresent({ kind, deployment: name, scenario: scenario.name }),
    );
    let client: TestClient;
    beforeAll(() => {
      client = kinds[kind](deployment.accessOf(principalOf(kind)));
    });
    afterAll(() => client.close());

    it.each(scenarios)("$name", { concurrent: false, timeout }, async (scenario) => {
      const cell = {
        kind,
        client,
        deployment,
        folder: deployment.folderOf(principalOf(kind)),
        stranger: () => kinds[kind](deployment.accessOf(strangerTo(kind))),
        clientOf: (person: Person) => kinds[kind](deployment.accessOf(principalOf(kind)), person),
      };
      await expect(scenario.run(cell)).resolves.toBeUndefined();
    });
  });

  // All kinds wait for work when it happens; each has its result in the end.
  const possible = incidents.map((incident) => ({
    ...incident,
    concerned: present.filter((kind) => isPresent({ kind, deployment: name, scenario: incident.name })),
  }));
  describe.each(possible.filter(({ concerned }) => concerned.length > 0))("$name", (incident) => {
    const survivors = new Map<Kind, Survivor>();
    beforeAll(async () => {
      // On stdio each has a server of its own, and an incident of its own.
      const { concerned } = incident;
      const groups = deployment.http === undefined ? concerned.map((kind) => [kind]) : [concerned];
      const befall = async (group: readonly Kind[]): Promise<void> => {
        const { whileAsked } = incident;
        const clients = await Promise.all(group.map((kind) => connect(deployment, kind, whileAsked)));
        const waiting = await Promise.all(clients.map((client) => waitFor(deployment, client)));
        await incident.befall(deployment, waiting);
        for (const { person } of clients) person?.decide();
        for (const each of waiting) survivors.set(each.kind, { ...each, end: goOn(each) });
      };
      await Promise.all(groups.map(befall));
    }, timeout);
    afterAll(async () => {
      await Promise.all([...survivors.values()].map(({ client }) => client.close()));
      await deployment.http?.restart();
    }, timeout);

    it.concurrent.each(incident.concerned)("%s", { timeout }, async (kind) => {
      const { call, end } = survivors.get(kind) as Survivor;
      const { outcome, asked } = await end;
      const folder = deployment.folderOf(principalOf(kind));
      expectOneTask(folder, call.args, outcome, incident.attempts(deployment));
      const said = incident.whileAsked === true ? { said: { sure: true } } : {};
      expect(outcome).toMatchObject({ structured: said });
      const resumes = kind === "sdk 1.32, held" && deployment.http !== undefined;
      expect(resumes && asked, "the SDK resumes the call by itself").toBe(false);
    });
  });
}

interface Survivor extends Waiting {
  /** How it ended, and whether its user had to ask again. */
  readonly end: Promise<{ readonly outcome: Outcome; readonly asked: boolean }>;
}

interface Connected {
  readonly kind: Kind;
  readonly client: TestClient;
  readonly person: ThinkingPerson | undefined;
}

/** Answers when it is told to, and from then on. */
class ThinkingPerson implements Person {
  readonly #asked = Promise.withResolvers<void>();
  readonly #decided = Promise.withResolvers<void>();
  readonly asked = this.#asked.promise;

  decide(): void {
    this.#decided.resolve();
  }

  async answer(): Promise<Answer> {
    this.#asked.resolve();
    await this.#decided.promise;
    return { action: "accept", content: { sure: true } };
  }
}

/** A client that has had its first answer: connecting takes longer than what it will wait for. */
async function connect(deployment: Deployment, kind: Kind, whileAsked = false): Promise<Connected> {
  const person = whileAsked ? new ThinkingPerson() : undefined;
  const client = kinds[kind](deployment.accessOf(principalOf(kind)), person);
  await client.call("quick", newArguments()).outcome;
  return { kind, client, person };
}

/** A client whose work has been begun, and is not at its end; or whose person has been asked, and thinks. */
async function waitFor(deployment: Deployment, { kind, client, person }: Connected): Promise<Waiting> {
  if (person !== undefined) {
    const call = client.call("confirm", newArguments());
    const [entry] = await journalOf(
      deployment.folderOf(principalOf(kind)),
      call.args,
      (all) => all.length > 0,
    );
    await person.asked;
    return { kind, client, call, pid: entry?.pid ?? -1 };
  }
  // Client 2.4 does not notice that the stream of its call broke: only its own time-out wakes it.
  const unaware = kind === "client 2.4, held" && deployment.http !== undefined;
  const call = unaware
    ? client.call("slow_unattended", newArguments(3_000), { patienceMs: 1_000 })
    : client.call("slow_unattended", newArguments(1_500));
  const entries = await journalOf(deployment.folderOf(principalOf(kind)), call.args, (all) =>
    all.some(({ event }) => event === "saved"),
  );
  return { kind, client, call, pid: entries[0]?.pid ?? -1 };
}

/** As its user does: waits on, and asks again when the wait broke off. */
function goOn({ client, call }: { client: TestClient; call: Call }): Survivor["end"] {
  const end = call.outcome.then(
    (outcome) => ({ outcome, asked: false }),
    async () => ({ outcome: await client.again(call), asked: true }),
  );
  end.catch(() => undefined);
  return end;
}
