/**
 * Reads all that is kept, so many tasks at a time, with a turn of the event loop in between: who asks in a process that
 * serves does not make its requests wait. What changes meanwhile is counted as it is found.
 */
import { statSync } from "node:fs";
import type { TaskId } from "../../task/id.ts";
import type { Timestamp } from "../../task/record.ts";
import type { Executor } from "../store.ts";
import type { KeptKind, Share, StoreReport } from "../store-report.ts";
import { pragma } from "./deleting.ts";
import { memoryFile } from "./open.ts";
import { pausedTools } from "./pausing.ts";
import type { Sql } from "./transaction.ts";

const tasksAtOnce = 1_000;
const ownersShown = 20;

export interface ReportParts {
  readonly sql: Sql;
  readonly file: string;
  readonly location: string;
  readonly now: Timestamp;
  readonly executor: Executor;
}

interface Found {
  readonly kind: KeptKind;
  readonly tool: string;
  readonly owner: string;
  readonly count: number;
  readonly bytes: number;
}

/** Of the tasks of one page: everything that is kept of them, by tool and owner. */
const keptSql = `
  WITH page AS MATERIALIZED (SELECT id, tool, owner FROM tasks WHERE id > ?1 AND id <= ?2)
  SELECT CASE kind WHEN 'input' THEN 'inputs' WHEN 'result' THEN 'results' ELSE 'saved states' END AS kind,
    tool, owner, count(*) AS count, sum(octet_length(value)) AS bytes
    FROM page JOIN payloads ON task_id = id GROUP BY 1, 2, 3
  UNION ALL SELECT 'operations', tool, owner, count(*),
    sum(octet_length(name) + coalesce(octet_length(value), 0) + coalesce(octet_length(wait), 0))
    FROM page JOIN operations ON task_id = id GROUP BY 2, 3
  UNION ALL SELECT 'artifacts', tool, owner, count(*), sum(coalesce(value ->> '$.size', 0))
    FROM page JOIN operations ON task_id = id WHERE kind = 'artifact' AND state = 'done' GROUP BY 2, 3
  UNION ALL SELECT 'events', tool, owner, count(*), sum(octet_length(type) + coalesce(octet_length(detail), 0))
    FROM page JOIN events ON task_id = id GROUP BY 2, 3
  UNION ALL SELECT 'signals', tool, owner, count(*), sum(octet_length(name) + coalesce(octet_length(value), 0))
    FROM page JOIN signals ON task_id = id GROUP BY 2, 3`;

export async function reportOn({ sql, file, location, now, executor }: ReportParts): Promise<StoreReport> {
  const [tools, owners] = [new Map<string, Share>(), new Map<string, Share>()];
  const kinds = new Map<KeptKind, { count: number; bytes: number }>();
  const [active, versions] = [await executor.activeTools(), await executor.activeVersions()];
  const waiting = new Map<string, { tool: string; version: string; tasks: number }>();
  const tasks = { open: 0, ended: 0, expired: 0 };
  let oldest: { id: TaskId; tool: string; createdAt: Timestamp } | undefined;
  for (let after = ""; ; await new Promise((resolve) => setImmediate(resolve))) {
    const page = sql(
      `SELECT id, tool, version, owner, created_at AS createdAt, ended_at AS endedAt, expires_at AS expiresAt
       FROM tasks WHERE id > ? ORDER BY id LIMIT ?`,
    ).all(after, tasksAtOnce) as unknown as PageRow[];
    const last = page.at(-1)?.id;
    if (last === undefined) break;
    for (const { id, tool, version, owner, createdAt, endedAt, expiresAt } of page) {
      const open = endedAt === null ? 1 : 0;
      if (open === 1) tasks.open++;
      else if (expiresAt !== null && expiresAt <= now) tasks.expired++;
      else tasks.ended++;
      add(tools, tool, { tasks: 1, open, bytes: 0 });
      add(owners, owner, { tasks: 1, open, bytes: 0 });
      if (open === 0) continue;
      if (oldest === undefined || createdAt < oldest.createdAt) oldest = { id, tool, createdAt };
      if (active?.includes(tool) === true && versions[tool]?.includes(version) !== false) continue;
      const found = waiting.get(`${tool}\0${version}`) ?? { tool, version, tasks: 0 };
      waiting.set(`${tool}\0${version}`, { ...found, tasks: found.tasks + 1 });
    }
    for (const { kind, tool, owner, count, bytes } of sql(keptSql).all(after, last) as unknown as Found[]) {
      const before = kinds.get(kind) ?? { count: 0, bytes: 0 };
      kinds.set(kind, { count: before.count + count, bytes: before.bytes + bytes });
      add(tools, tool, { tasks: 0, open: 0, bytes });
      add(owners, owner, { tasks: 0, open: 0, bytes });
    }
    after = last;
  }
  const pageBytes = pragma(sql, "page_size");
  return {
    location,
    file: {
      bytes: pragma(sql, "page_count") * pageBytes,
      freeBytes: pragma(sql, "freelist_count") * pageBytes,
      walBytes: file === memoryFile ? 0 : (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0),
      givesBack: pragma(sql, "auto_vacuum") === 2,
    },
    tasks,
    kinds: largest([...kinds].map(([kind, kept]) => ({ kind, ...kept }))),
    tools: largest([...tools].map(([tool, share]) => ({ tool, ...share }))),
    owners: largest([...owners].map(([owner, share]) => ({ owner, ...share }))).slice(0, ownersShown),
    ...(oldest !== undefined && { oldestOpen: oldest }),
    withoutHandler: [...waiting.values()].map(({ version, ...tool }) => ({
      ...tool,
      ...(version !== "" && { version }),
    })),
    executes: active !== undefined,
    paused: pausedTools(sql),
  };
}

interface PageRow {
  readonly id: TaskId;
  readonly tool: string;
  readonly version: string;
  readonly owner: string;
  readonly createdAt: Timestamp;
  readonly endedAt: Timestamp | null;
  readonly expiresAt: Timestamp | null;
}

function add(shares: Map<string, Share>, key: string, { tasks, open, bytes }: Share): void {
  const before = shares.get(key) ?? { tasks: 0, open: 0, bytes: 0 };
  shares.set(key, {
    tasks: before.tasks + tasks,
    open: before.open + open,
    bytes: before.bytes + bytes,
  });
}

function largest<T extends { readonly bytes: number }>(shares: readonly T[]): T[] {
  return shares.toSorted((a, b) => b.bytes - a.bytes);
}
