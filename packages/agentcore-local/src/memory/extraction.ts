/**
 * The making of memory records out of events is the service's, and a language model's. Here none are made: what is
 * ingested is checked and let go, there are never jobs that failed, and each answer says so in a header.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { oneOf } from "../constraints.ts";
import { type Operation, operation } from "../operation.ts";
import { notFound } from "../service-error.ts";
import { EventMetadata, ExtractionConfig, IngestPayload } from "./event-shapes.ts";
import { ActorId, MemoryId, SessionId, Timestamp } from "./ids.ts";
import type { MemorySetting } from "./setting.ts";

const headers = { "x-agentcore-local-extraction": "none; write records by BatchCreateMemoryRecords" };

const IngestInput = z.object({
  memoryId: MemoryId,
  source: oneOf({ inline: z.object({ payload: z.array(IngestPayload).min(1).max(100) }) }),
  contentTimestamp: Timestamp,
  actorId: ActorId,
  sessionId: SessionId.optional(),
  extractionConfig: ExtractionConfig.optional(),
  metadata: EventMetadata.optional(),
  clientToken: z.string().optional(),
});

const StartInput = z.object({
  memoryId: MemoryId,
  extractionJob: z.object({ jobId: z.string() }),
  clientToken: z.string().optional(),
});

const ListInput = z.object({
  memoryId: MemoryId,
  maxResults: z.int().min(1).max(50).optional(),
  nextToken: z.string().optional(),
  filter: z
    .object({
      strategyId: z.string().optional(),
      sessionId: z.string().optional(),
      actorId: z.string().optional(),
      status: z.enum(["FAILED"]).optional(),
    })
    .optional(),
});

export function extractionOperations(setting: MemorySetting): Operation[] {
  return [
    operation({
      name: "IngestData",
      method: "POST",
      path: "/memories/{memoryId}/ingest",
      status: 202,
      input: IngestInput,
      run: ({ memoryId, sessionId = randomUUID() }) => {
        setting.checkMemory(memoryId);
        return { body: { sessionId }, headers };
      },
    }),
    operation({
      name: "ListMemoryExtractionJobs",
      method: "POST",
      path: "/memories/{memoryId}/extractionJobs",
      input: ListInput,
      run: ({ memoryId }) => {
        setting.checkMemory(memoryId);
        return { body: { jobs: [] }, headers };
      },
    }),
    operation({
      name: "StartMemoryExtractionJob",
      method: "POST",
      path: "/memories/{memoryId}/extractionJobs/start",
      input: StartInput,
      run: ({ memoryId, extractionJob: { jobId } }) => {
        setting.checkMemory(memoryId);
        throw notFound(`Unable to find extraction job with id ${jobId}`);
      },
    }),
  ];
}
