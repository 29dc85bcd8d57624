import { expect, test } from "vitest";
import { deployed } from "./deployed.ts";
import { Listener } from "./proofs.ts";
import { tellTheStory } from "./the-story.ts";

const deployment = deployed();

test("a training outlasts its user, its agent and its server, and is told three days later", async () => {
  const listener = new Listener();
  await tellTheStory(deployment(), listener);
  expect(listener.claims).toHaveLength(8);
}, 120_000);
