/** Every kind of client there is a test with, and where it makes sense. */
import type { Access, Person, TestClient } from "../client.ts";
import { Client2Held } from "./client2-held.ts";
import { ExtTasks } from "./ext-tasks.ts";
import { RawHttp } from "./raw-http.ts";
import { Sdk1Held } from "./sdk1-held.ts";
import { Sdk1Tasks } from "./sdk1-tasks.ts";
import { Strands } from "./strands.ts";

export const kinds = {
  "client 2.4 with ext-tasks": (...of) => new ExtTasks(...of),
  "client 2.4, held": (...of) => new Client2Held(...of),
  "sdk 1.32 with tasks": (...of) => new Sdk1Tasks(...of),
  "sdk 1.32, held": (...of) => new Sdk1Held(...of),
  "Strands with tasksConfig": (...of) => new Strands(...of),
  "raw HTTP": (...of) => new RawHttp(...of),
} as const satisfies Record<string, (access: Access, person?: Person) => TestClient>;

export type Kind = keyof typeof kinds;
