/** What the driver tells a program, as its one argument. */
import type { Ambush } from "../write-points.ts";
import type { PlanItem } from "./plan.ts";

export interface Orders {
  /** Of the caller; the keys of its items begin with it. */
  readonly name: string;
  readonly store: string;
  readonly journal: string;
  readonly seed: number;
  readonly stepMs: number;
  /** While it is missing, a stream goes on. */
  readonly stopFile: string;
  readonly work: Work;
  readonly ambush?: Ambush;
  /** Looks at the record and submits at intervals, beside its work. */
  readonly probe?: boolean;
  /** Declares the tool that runs in threads, which makes each start longer. */
  readonly threads?: boolean;
  /** For `full-disk`. */
  readonly space?: Space;
  /** For `full-disk`: it is killed while there is no space. */
  readonly dieWhenFull?: boolean;
}

/** What takes the space away: a limit of SQLite's, or a file that fills the file system. */
export type Space = { readonly kind: "pages" } | { readonly kind: "ballast"; readonly file: string };

export type Work =
  /** Items without end, at most `window` of them open. */
  | { readonly kind: "stream"; readonly window: number }
  | { readonly kind: "list"; readonly items: readonly PlanItem[] };
