/** Memory records by the hundred. A record that is refused does not hold up the others: it is answered among the failed. */
import type { z } from "zod";
import { type Operation, operation } from "../operation.ts";
import { validationError } from "../service-error.ts";
import { BatchCreateInput, BatchDeleteInput, BatchUpdateInput, type RecordExpiry } from "./record-shapes.ts";
import type { StoredRecord } from "./record-store.ts";
import type { MemorySetting } from "./setting.ts";

/** The life of a client token, of an operation whose records may never expire. */
const tokenLifeMs = 24 * 60 * 60 * 1000;

export function recordBatchOperations(setting: MemorySetting): Operation[] {
  const batchPath = "/memories/{memoryId}/memoryRecords";
  return [
    operation({
      name: "BatchCreateMemoryRecords",
      method: "POST",
      path: `${batchPath}/batchCreate`,
      status: 201,
      input: BatchCreateInput,
      run: ({ clientToken, ...request }) => {
        checkExpiry(request.recordExpirySpecification);
        return { body: createOnce(setting, clientToken, request) };
      },
    }),
    operation({
      name: "BatchUpdateMemoryRecords",
      method: "POST",
      path: `${batchPath}/batchUpdate`,
      input: BatchUpdateInput,
      run: ({ memoryId, records, recordExpirySpecification: expiry }) => ({
        body: changeEach(setting, memoryId, records, (record, update) =>
          setting.records.change(record, update, expiry, setting.clock.now()),
        ),
      }),
    }),
    operation({
      name: "BatchDeleteMemoryRecords",
      method: "POST",
      path: `${batchPath}/batchDelete`,
      input: BatchDeleteInput,
      run: ({ memoryId, records }) => ({
        body: changeEach(setting, memoryId, records, (record) => setting.records.remove(record)),
      }),
    }),
  ];
}

interface BatchAnswer extends Readonly<Record<string, unknown>> {
  readonly successfulRecords: readonly object[];
  readonly failedRecords: readonly object[];
}

type CreateRequest = Omit<z.output<typeof BatchCreateInput>, "clientToken">;

function createOnce(setting: MemorySetting, token: string | undefined, request: CreateRequest): BatchAnswer {
  const { memoryId, records, recordExpirySpecification: expiry } = request;
  setting.checkMemory(memoryId);
  const now = setting.clock.now();
  const operationName = "BatchCreateMemoryRecords";
  const use = { memoryId, operation: operationName, token, request, expiresAt: now + tokenLifeMs };
  return setting.database.transaction(() => {
    setting.removeExpired(now);
    const before = setting.tokens.answered(use) as BatchAnswer | undefined;
    if (before !== undefined) return before;
    const successfulRecords = records.map((record) => ({
      memoryRecordId: setting.records.add(memoryId, record, expiry, now),
      status: "SUCCEEDED",
      requestIdentifier: record.requestIdentifier,
    }));
    const answer = { successfulRecords, failedRecords: [] };
    setting.tokens.keep(use, answer);
    return answer;
  });
}

function changeEach<Change extends { readonly memoryRecordId: string }>(
  setting: MemorySetting,
  memoryId: string,
  changes: readonly Change[],
  change: (record: StoredRecord, change: Change) => void,
): BatchAnswer {
  setting.checkMemory(memoryId);
  const successfulRecords: object[] = [];
  const failedRecords: object[] = [];
  setting.database.transaction(() => {
    setting.removeExpired(setting.clock.now());
    for (const one of changes) {
      const { memoryRecordId } = one;
      const record = setting.records.find(memoryId, memoryRecordId, setting.clock.now());
      if (record === undefined) {
        const errorMessage = `Unable to find memory record with id ${memoryRecordId}`;
        failedRecords.push({ memoryRecordId, status: "FAILED", errorCode: 404, errorMessage });
      } else {
        change(record, one);
        successfulRecords.push({ memoryRecordId, status: "SUCCEEDED" });
      }
    }
  });
  return { successfulRecords, failedRecords };
}

/** "The REMOVE action does not apply when creating records." */
function checkExpiry(expiry: RecordExpiry | undefined): void {
  if (expiry?.action === undefined) return;
  throw validationError("recordExpirySpecification.action does not apply when creating records.");
}
