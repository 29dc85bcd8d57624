/** What comes in with memory records, as the service's model has it. */
import { z } from "zod";
import { map, oneOf, text } from "../constraints.ts";
import { MetadataKey } from "./event-shapes.ts";
import { MemoryId, MemoryRecordId, MemoryStrategyId, Namespace, Timestamp } from "./ids.ts";
import { RecordMetadataValue } from "./record-filter.ts";

const Content = oneOf({ text: text(1, 16_000) });

const Namespaces = z.array(Namespace).max(1);

const RecordMetadata = map(MetadataKey, RecordMetadataValue, 1, 20);

const Expiry = oneOf({ recordExpiryDurationDays: z.int().min(31), action: z.enum(["REMOVE"]) });

export type RecordExpiry = z.output<typeof Expiry>;

const RecordToCreate = z.object({
  requestIdentifier: text(1, 80, /^[a-zA-Z0-9_-]+$/),
  namespaces: Namespaces,
  content: Content,
  timestamp: Timestamp,
  memoryStrategyId: MemoryStrategyId.optional(),
  metadata: RecordMetadata.optional(),
});

const RecordToUpdate = z.object({
  memoryRecordId: MemoryRecordId,
  timestamp: Timestamp,
  content: Content.optional(),
  namespaces: Namespaces.optional(),
  sourceNamespaces: Namespaces.optional(),
  memoryStrategyId: MemoryStrategyId.optional(),
  metadata: RecordMetadata.optional(),
});

export type RecordToCreate = z.output<typeof RecordToCreate>;
export type RecordToUpdate = z.output<typeof RecordToUpdate>;

export const BatchCreateInput = z.object({
  memoryId: MemoryId,
  records: z.array(RecordToCreate).max(100),
  clientToken: z.string().optional(),
  recordExpirySpecification: Expiry.optional(),
});

export const BatchUpdateInput = z.object({
  memoryId: MemoryId,
  records: z.array(RecordToUpdate).max(100),
  recordExpirySpecification: Expiry.optional(),
});

/** `namespace` is for the authorisation by IAM, which there is not here. */
const RecordToDelete = z.object({ memoryRecordId: MemoryRecordId, namespace: Namespace.optional() });

export const BatchDeleteInput = z.object({ memoryId: MemoryId, records: z.array(RecordToDelete).max(100) });

export const RecordKey = RecordToDelete.extend({ memoryId: MemoryId });
