/**
 * Where the application is hosted: what differs between a laptop and the platforms is in these profiles, so that the
 * program is the same. Each option that is given to the application or to `listen` stands above its profile.
 */
import type { Engine } from "../engine/engine.ts";
import type { Authenticate } from "../wire/http/authenticate.ts";
import type { Ping } from "../wire/http/listener.ts";
import { PerdureError, quote } from "../task/errors.ts";

/**
 * `"local"`: loopback. `"agentcore-runtime"`: a container on AgentCore Runtime, whose requests end after 15 minutes.
 * `"agentcore-gateway"`: the same, called by way of an AgentCore Gateway, which cuts after 5 minutes.
 */
export type Hosting = "local" | "agentcore-runtime" | "agentcore-gateway";

export interface HostingProfile {
  readonly name: Hosting;
  readonly host: string;
  readonly port: number;
  /** How long a call is held whose client asked for progress, and so is not known to give up after a minute. */
  readonly progressHoldMs: number | undefined;
  /** However patient a tool or a client is said to be: later nobody would get the answer. */
  readonly maxHoldMs: number | undefined;
  /** Whether `GET /ping` is answered. */
  readonly ping: boolean;
  /** Whether SIGTERM closes the application. */
  readonly signals: boolean;
  readonly drainMs: number;
}

const minute = 60_000;

/** A platform that stops an instance does not wait for long; what it leaves half done, another takes up. */
const platformDrainMs = 5_000;

const runtime: HostingProfile = {
  name: "agentcore-runtime",
  host: "0.0.0.0",
  port: 8_000,
  progressHoldMs: 14 * minute,
  maxHoldMs: 14 * minute,
  ping: true,
  signals: true,
  drainMs: platformDrainMs,
};

const profiles: Readonly<Record<Hosting, HostingProfile>> = {
  local: {
    name: "local",
    host: "127.0.0.1",
    port: 8_000,
    progressHoldMs: undefined,
    maxHoldMs: undefined,
    ping: false,
    signals: false,
    drainMs: 10_000,
  },
  "agentcore-runtime": runtime,
  "agentcore-gateway": {
    ...runtime,
    name: "agentcore-gateway",
    progressHoldMs: 4.5 * minute,
    maxHoldMs: 4.5 * minute,
  },
};

/** The one that was given; else that of `PERDURE_HOSTING`; else local. @throws PerdureError `INVALID_OPTION` */
export function toHosting(given: Hosting | undefined): HostingProfile {
  const name: string = given ?? process.env["PERDURE_HOSTING"] ?? "local";
  if (Object.hasOwn(profiles, name)) return atPlace(profiles[name as Hosting]);
  const names = Object.keys(profiles).map(quote).join(", ");
  throw new PerdureError("INVALID_OPTION", {
    message: `${given === undefined ? "PERDURE_HOSTING" : "hosting"} must be one of ${names}; ${quote(name)} came.`,
  });
}

/**
 * A platform's address is fixed, but for one that stands in for it on a machine of many: it says by `HOST` and `PORT`
 * where it will ask, as agentcore-local does.
 */
function atPlace(profile: HostingProfile): HostingProfile {
  const { HOST: host = profile.host, PORT: port } = process.env;
  if (profile.name === "local" || port === undefined) return profile;
  if (/^\d{1,5}$/.test(port)) return { ...profile, host, port: Number(port) };
  throw new PerdureError("INVALID_OPTION", { message: `PORT must be a port; ${quote(port)} came.` });
}

/** @throws PerdureError `INVALID_OPTION` where `auth` believes what nobody has verified */
export function requirePlatform(
  auth: Authenticate | undefined,
  { name }: HostingProfile,
  reach: "loopback" | "anywhere",
): void {
  if (auth?.behindPlatform !== true || name !== "local" || reach === "loopback") return;
  throw new PerdureError("INVALID_OPTION", {
    message:
      "platformAuth() believes tokens that a platform has verified, and here none has. " +
      'Set hosting where there is one: "agentcore-runtime" or "agentcore-gateway".',
  });
}

/**
 * The health of AgentCore Runtime's contract. Busy while an attempt runs here: a task that only waits for a time or a
 * person is parked, and keeps no instance. The time is that of the last thing that happened to a task, in whole seconds:
 * an instance that is stamped at every ping would never be let go, and one without a number is taken while it works.
 */
export function pingOf({ busy, movedAt }: Pick<Engine, "busy" | "movedAt">): Ping {
  return {
    status: busy ? "HealthyBusy" : "Healthy",
    time_of_last_update: Math.floor(movedAt / 1_000),
  };
}
