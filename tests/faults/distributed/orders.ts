/** What a process of the fleet is told, as its one argument. */
import type { Role } from "../../../packages/perdure/src/app/role.ts";
import type { ProgramVersion } from "../program/tools.ts";

export interface MemberOrders {
  readonly name: string;
  readonly journal: string;
  /** Of the database, by way of the process's own link. */
  readonly url: string;
  readonly leaseMs: number;
  readonly role: Role;
  readonly version: ProgramVersion;
  /** How far its clock is from the others'. */
  readonly skewMs: number;
  /** Of the memory that results are delivered to. */
  readonly memory: string;
  readonly stepMs: number;
}
