/** Every kind of client there is a test with, and where it makes sense. */
import type { Access, TestClient } from "../client.ts";
import { Client2Held } from "./client2-held.ts";
import { ExtTasks } from "./ext-tasks.ts";
import { RawHttp } from "./raw-http.ts";
import { Sdk1Held } from "./sdk1-held.ts";
import { Sdk1Tasks } from "./sdk1-tasks.ts";
import { Strands } from "./strands.ts";

export const kinds = {
  "client 2.4 with ext-tasks": (access) => new ExtTasks(access),
  "client 2.4, held": (access) => new Client2Held(access),
  "sdk 1.32 with tasks": (access) => new Sdk1Tasks(access),
  "sdk 1.32, held": (access) => new Sdk1Held(access),
  "Strands with tasksConfig": (access) => new Strands(access),
  "raw HTTP": (access) => new RawHttp(access),
} as const satisfies Record<string, (access: Access) => TestClient>;

export type Kind = keyof typeof kinds;
