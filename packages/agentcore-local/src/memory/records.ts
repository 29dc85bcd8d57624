/** Memory records one by one, listed and searched. */
import { z } from "zod";
import { text } from "../constraints.ts";
import { type Operation, operation } from "../operation.ts";
import { notFound } from "../service-error.ts";
import { MemoryId, MemoryStrategyId, toSeconds } from "./ids.ts";
import { fromToken, Page, toToken } from "./paging.ts";
import { isMeant, MetadataFilters, onePlace, place, type RecordFilter } from "./record-filter.ts";
import { RecordKey } from "./record-shapes.ts";
import type { StoredRecord } from "./record-store.ts";
import type { MemorySetting } from "./setting.ts";
import { score, searchHeader } from "./text-search.ts";

const ListInput = z
  .object({
    memoryId: MemoryId,
    ...place,
    memoryStrategyId: MemoryStrategyId.optional(),
    metadataFilters: MetadataFilters,
    ...Page,
  })
  .superRefine(onePlace);

const RetrieveInput = z
  .object({
    memoryId: MemoryId,
    ...place,
    searchCriteria: z.object({
      searchQuery: text(1, 10_000),
      memoryStrategyId: MemoryStrategyId.optional(),
      topK: z.int().min(1).max(100).default(10),
      metadataFilters: MetadataFilters,
    }),
    ...Page,
  })
  .superRefine(onePlace);

const OffsetCursor = z.tuple([z.int().min(0)]);

export function recordOperations(setting: MemorySetting): Operation[] {
  return [
    operation({
      name: "RetrieveMemoryRecords",
      method: "POST",
      path: "/memories/{memoryId}/retrieve",
      input: RetrieveInput,
      run: (input) => ({ body: retrieve(setting, input), headers: searchHeader }),
    }),
    operation({
      name: "ListMemoryRecords",
      method: "POST",
      path: "/memories/{memoryId}/memoryRecords",
      input: ListInput,
      run: (input) => ({ body: list(setting, input) }),
    }),
    operation({
      name: "GetMemoryRecord",
      method: "GET",
      path: "/memories/{memoryId}/memoryRecord/{memoryRecordId}",
      input: RecordKey,
      run: (key) => ({ body: { memoryRecord: toDocument(existing(setting, key)) } }),
    }),
    operation({
      name: "DeleteMemoryRecord",
      method: "DELETE",
      path: "/memories/{memoryId}/memoryRecords/{memoryRecordId}",
      input: RecordKey,
      run: (key) => ({ body: { memoryRecordId: remove(setting, key) } }),
    }),
  ];
}

/** Newest first. */
function list(setting: MemorySetting, input: z.output<typeof ListInput>) {
  const { memoryId, maxResults, nextToken, ...filter } = input;
  const question = ["ListMemoryRecords", memoryId, filter];
  const found = meant(setting, memoryId, filter).map((record) => toDocument(record));
  return page(found, { question, maxResults, nextToken });
}

/** The best first; of equal ones, the newest. */
function retrieve(setting: MemorySetting, input: z.output<typeof RetrieveInput>) {
  const { memoryId, maxResults, nextToken, searchCriteria, ...namespaces } = input;
  const { searchQuery, topK, ...criteria } = searchCriteria;
  const question = ["RetrieveMemoryRecords", memoryId, namespaces, searchCriteria];
  const found = meant(setting, memoryId, { ...namespaces, ...criteria })
    .map((record) => ({ record, score: score(searchQuery, record.text) }))
    .filter((hit) => hit.score > 0)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, topK)
    .map((hit) => ({ ...toDocument(hit.record), score: hit.score }));
  return page(found, { question, maxResults, nextToken });
}

function meant(setting: MemorySetting, memoryId: string, filter: RecordFilter): StoredRecord[] {
  setting.checkMemory(memoryId);
  return setting.records.all(memoryId, setting.clock.now()).filter((record) => isMeant(filter, record));
}

interface PageRequest {
  readonly question: unknown;
  readonly maxResults: number;
  readonly nextToken: string | undefined;
}

function page(found: readonly object[], { question, maxResults, nextToken }: PageRequest) {
  const [begin] = fromToken(nextToken, question, OffsetCursor) ?? [0];
  const end = begin + maxResults;
  return {
    memoryRecordSummaries: found.slice(begin, end),
    ...(end < found.length && { nextToken: toToken(question, [end]) }),
  };
}

function existing(
  setting: MemorySetting,
  { memoryId, memoryRecordId }: z.output<typeof RecordKey>,
): StoredRecord {
  setting.checkMemory(memoryId);
  const record = setting.records.find(memoryId, memoryRecordId, setting.clock.now());
  if (record === undefined) throw notFound(`Unable to find memory record with id ${memoryRecordId}`);
  return record;
}

function remove(setting: MemorySetting, key: z.output<typeof RecordKey>): string {
  setting.database.transaction(() => setting.records.remove(existing(setting, key)));
  return key.memoryRecordId;
}

function toDocument(record: StoredRecord) {
  const hasMetadata = Object.keys(record.metadata).length > 0;
  return {
    memoryRecordId: record.recordId,
    content: { text: record.text },
    memoryStrategyId: record.strategyId ?? "none",
    namespaces: record.namespaces,
    createdAt: toSeconds(record.createdAt),
    timestamp: toSeconds(record.timestamp),
    ...(hasMetadata && { metadata: record.metadata }),
    ...(record.expiresAt !== null && { expiresAt: toSeconds(record.expiresAt) }),
  };
}
