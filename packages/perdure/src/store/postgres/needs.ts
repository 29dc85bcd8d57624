/** What a transition has to see before it can be decided. */
import type { TaskId } from "../../task/id.ts";

export interface Needs {
  readonly tasks?: readonly TaskId[];
  /** With all their operations that are not done. */
  readonly waits?: readonly TaskId[];
  /** With the operation of a name, and the signals of that name. */
  readonly named?: readonly { readonly taskId: TaskId; readonly name: string }[];
  /** With input and result. */
  readonly values?: readonly TaskId[];
  /** With those who wait for them, and for those. */
  readonly callers?: readonly TaskId[];
  /** With the open calls of these, of those that they wait for, and so on. */
  readonly awaited?: readonly TaskId[];
  /** Whether any tool is paused, and which. */
  readonly pauses?: boolean;
  /** Of a task its oldest log lines, at most so many. */
  readonly logs?: readonly { readonly taskId: TaskId; readonly limit: number }[];
  /** How much there is of what is limited. */
  readonly counts?: readonly Count[];
  /** The interim results of a task that wait, with the outbox. */
  readonly interim?: readonly TaskId[];
  /** The end of a task that is to be delivered, with the outbox. */
  readonly ends?: readonly TaskId[];
  /** The outboxes of sessions, with what is under way, given up or due of each: at most so many entries. */
  readonly outboxes?: { readonly sessions: readonly string[]; readonly entries: number };
  /** Expired, and in the way: to be deleted first. */
  readonly expired?: readonly TaskId[];
  /** With all that ends with them, or waits for them. */
  readonly families?: readonly TaskId[];
  readonly idempotencyKeys?: readonly {
    readonly owner: string;
    readonly tool: string;
    readonly key: string;
  }[];
  readonly rejoinKeys?: readonly { readonly owner: string; readonly tool: string; readonly key: string }[];
}

export interface Count {
  readonly of: "open" | "queued" | "running";
  /** Of any, where it is not said. */
  readonly owner?: string | undefined;
  readonly tool?: string | undefined;
  readonly version?: string | undefined;
  readonly priority?: number | undefined;
  /** Beyond it nothing else is to be known. */
  readonly max: number;
}

export function nameOfCount({ of, owner, tool, version, priority }: Omit<Count, "max">): string {
  return JSON.stringify([of, owner ?? null, tool ?? null, version ?? null, priority ?? null]);
}

/** Thrown by a transition that finds that it has to see more: the group is decided again, with that. */
export class Missing extends Error {
  readonly needs: Needs;

  constructor(needs: Needs) {
    super("more has to be read");
    this.needs = needs;
  }
}

export function joinNeeds(all: readonly Needs[]): Needs {
  return {
    tasks: all.flatMap(({ tasks = [] }) => tasks),
    waits: all.flatMap(({ waits = [] }) => waits),
    named: all.flatMap(({ named = [] }) => named),
    values: all.flatMap(({ values = [] }) => values),
    families: all.flatMap(({ families = [] }) => families),
    idempotencyKeys: all.flatMap(({ idempotencyKeys = [] }) => idempotencyKeys),
    callers: all.flatMap(({ callers = [] }) => callers),
    awaited: all.flatMap(({ awaited = [] }) => awaited),
    logs: all.flatMap(({ logs = [] }) => logs),
    counts: all.flatMap(({ counts = [] }) => counts),
    interim: all.flatMap(({ interim = [] }) => interim),
    ends: all.flatMap(({ ends = [] }) => ends),
    ...(all.some(({ pauses }) => pauses === true) && { pauses: true }),
    ...(all.some(({ outboxes }) => outboxes !== undefined) && {
      outboxes: {
        sessions: all.flatMap(({ outboxes }) => outboxes?.sessions ?? []),
        entries: Math.max(...all.map(({ outboxes }) => outboxes?.entries ?? 0)),
      },
    }),
    expired: all.flatMap(({ expired = [] }) => expired),
    rejoinKeys: all.flatMap(({ rejoinKeys = [] }) => rejoinKeys),
  };
}
