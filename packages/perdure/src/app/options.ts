/** What is said to an application: when it is made, submits, serves, starts and ends. */
import type { McpServer } from "@modelcontextprotocol/server";
import type { Logger } from "../engine/logger.ts";
import type { ArtifactStore } from "../store/artifacts/artifact-store.ts";
import type { TaskStore } from "../store/store.ts";
import type { Clock } from "../task/clock.ts";
import type { Duration } from "../task/duration.ts";
import type { IdSource } from "../task/id.ts";
import type { Limits } from "../task/limits.ts";
import type { SessionContext, Timestamp } from "../task/record.ts";
import type { BodyLimits } from "../wire/http/body.ts";
import type { StdioStreams } from "../wire/stdio/serve.ts";
import { toCount } from "./declaration.ts";
import type { DeliveringOptions } from "./delivering.ts";
import type { Hosting } from "./hosting.ts";
import type { Role } from "./role.ts";
import type { ServingOptions } from "./serving.ts";

export interface PerdureOptions extends ServingOptions, DeliveringOptions {
  /** Names the application, and its default file: letters, digits, `_`, `-`, `.`. */
  readonly name: string;
  readonly version: string;
  /**
   * `"sqlite:FILE"`, `"sqlite::memory:"`, `"postgres://…"` or a store. Default: the `postgres://` URL in `DATABASE_URL`;
   * without one, a file of the application's name in the user's state folder.
   */
  readonly store?: string | TaskStore;
  /**
   * Where `task.artifact` keeps files: a folder, `"s3://bucket/prefix"`, `"database"` (see `docs/heavy-work.md`), or a
   * store of your own. The same for all processes of the store. Default: a folder beside the file of the store, or the
   * database.
   */
  readonly artifacts?: string | ArtifactStore;
  /**
   * Where it is hosted: the defaults of address, `hold`, `signals` and `/ping`. Default: `PERDURE_HOSTING`, or `"local"`.
   */
  readonly hosting?: Hosting;
  /**
   * Whether this process answers clients (`"serve"`), runs tasks (`"work"`), or both. Default: `PERDURE_ROLE`, or both.
   */
  readonly role?: Role;
  /** How many attempts run at once, of all tools. Default 100. */
  readonly concurrency?: number;
  /** How many of them for one owner. Default: as many as there are slots. */
  readonly concurrencyPerOwner?: number;
  /** How much of everything there may be; see {@link Limits} for the defaults. */
  readonly limits?: Partial<Limits>;
  /** How long a task that only waits stays resident for an answer before it is parked. Default 2 s. */
  readonly linger?: Duration;
  /** A pino logger or one like it. Default: pino, warnings and errors, to standard error. */
  readonly logger?: Logger;
  /** Close on SIGINT and SIGTERM, then end the process by that signal. Default false; on AgentCore true. */
  readonly signals?: boolean;
  /** Time, ids and chance come in here, so that a test can hold them. */
  readonly clock?: Clock;
  readonly ids?: IdSource;
  readonly random?: () => number;
}

export interface SubmitOptions {
  /** The principal that the task belongs to. Default `"local"`. */
  readonly owner?: string;
  /** The same key, owner and tool name the same task while it is kept. */
  readonly idempotencyKey?: string;
  /** Higher runs first. Default 0. */
  readonly priority?: number;
  /** Not before this time. */
  readonly startAt?: Date | Timestamp;
  readonly session?: SessionContext;
}

/** Whatever carries it. */
export interface ServerOptions {
  /** Makes a server of your own, with SDK v2, onto which the tools are put: one for each exchange or connection. */
  readonly server?: () => McpServer;
}

export interface StdioOptions extends ServerOptions, StartOptions, StdioStreams {}

/** Of an endpoint, wherever it is mounted. */
export interface MountOptions extends ServerOptions {
  /** Host names that a request may name. Default: those of loopback; with `auth` on a public address, any. */
  readonly allowedHosts?: readonly string[];
  /** Host names of web pages that may ask. Default: those of loopback. */
  readonly allowedOrigins?: readonly string[];
  /** Default 4 MiB. */
  readonly maxBodyBytes?: number;
  /** How deep objects and arrays may stand in each other in a request. Default 100. */
  readonly maxNesting?: number;
}

export interface StartOptions {
  /** Instead of the application's. */
  readonly role?: Role;
}

export interface ListenOptions extends MountOptions, StartOptions {
  /** Default 127.0.0.1; on AgentCore 0.0.0.0. A public address needs `auth`. */
  readonly host?: string;
  /** Default 8000; 0: any free one. */
  readonly port?: number;
  /** Default `/mcp`. */
  readonly path?: string;
  /** Default 10,000. */
  readonly maxConnections?: number;
}

export interface CloseOptions {
  /** How long running handlers have, after their signal, before they are left to the next start. Default 10 s; on AgentCore 5. */
  readonly drainMs?: Duration;
}

/** @throws PerdureError `INVALID_OPTION` */
export function toBodyLimits({ maxBodyBytes = 4_194_304, maxNesting = 100 }: MountOptions): BodyLimits {
  return {
    maxBodyBytes: toCount(maxBodyBytes, "maxBodyBytes"),
    maxNesting: toCount(maxNesting, "maxNesting"),
  };
}
