/**
 * What a process of the application does: it serves clients, works on tasks, or both. All processes of one store are
 * the same program; the role is where they differ.
 */
import { PerdureError, quote } from "../task/errors.ts";

/**
 * `"serve"` answers for every task and runs none; `"work"` runs tasks and needs no port; `"both"` is both.
 */
export type Role = "serve" | "work" | "both";

const roles: readonly string[] = ["serve", "work", "both"] satisfies Role[];

/** The role that was given; else that of `PERDURE_ROLE`; else both. @throws PerdureError `INVALID_OPTION` */
export function toRole(given: Role | undefined): Role {
  const name = given ?? process.env["PERDURE_ROLE"] ?? "both";
  if (isRole(name)) return name;
  throw new PerdureError("INVALID_OPTION", {
    message: `${given === undefined ? "PERDURE_ROLE" : "role"} must be "serve", "work" or "both"; ${quote(name)} came.`,
  });
}

/** @throws PerdureError `INVALID_OPTION` where a process that only works is to serve */
export function requireServing(role: Role): void {
  if (role !== "work") return;
  throw new PerdureError("INVALID_OPTION", {
    message: 'a process with the role "work" serves nobody: call app.start(), or run: perdure worker FILE',
  });
}

function isRole(name: string): name is Role {
  return roles.includes(name);
}
