/** What comes in with an event, as the service's model has it. */
import { z } from "zod";
import { map, oneOf, text } from "../constraints.ts";
import { ActorId, BranchName, EventId, MemoryId, SessionId, Timestamp } from "./ids.ts";

const metadataCharacters = /^[a-zA-Z0-9\s._:/=+@-]*$/;

export const MetadataKey = text(1, 128, metadataCharacters);

export const MetadataValue = oneOf({ stringValue: text(0, 256, metadataCharacters) });

export const EventMetadata = map(MetadataKey, MetadataValue, 0, 15);

const maxJsonBytes = 100 * 1024;

const Conversational = z.object({
  content: oneOf({ text: text(1, 100_000) }),
  role: z.enum(["ASSISTANT", "USER", "TOOL", "OTHER"]),
});

const Json = z.object({ content: z.unknown() }).superRefine(({ content }, context) => {
  if (content === undefined) {
    context.addIssue({ code: "custom", path: ["content"], message: "Member must not be null" });
  } else if (Buffer.byteLength(JSON.stringify(content)) > maxJsonBytes) {
    context.addIssue({
      code: "custom",
      path: ["content"],
      message: `Member must be at most ${maxJsonBytes} bytes`,
    });
  }
});

export const Payload = oneOf({ conversational: Conversational, blob: z.unknown(), json: Json });

export const IngestPayload = oneOf({ conversational: Conversational, json: Json });

export const ExtractionConfig = z.object({
  namespaceVariables: map(
    text(1, 32, /^(?!memoryStrategyId$|actorId$|sessionId$)[a-z][a-z0-9]*$/),
    text(1, 64, /^[a-z0-9][a-z0-9-_]*$/),
    1,
    5,
  ).optional(),
});

export const CreateEventInput = z.object({
  memoryId: MemoryId,
  actorId: ActorId,
  sessionId: SessionId.optional(),
  eventTimestamp: Timestamp,
  payload: z.array(Payload).max(100),
  branch: z.object({ rootEventId: EventId.optional(), name: BranchName }).optional(),
  clientToken: z.string().optional(),
  metadata: EventMetadata.optional(),
  extractionMode: z.enum(["SKIP"]).optional(),
  extractionConfig: ExtractionConfig.optional(),
});

export type CreateEvent = z.output<typeof CreateEventInput>;

export const EventKey = z.object({
  memoryId: MemoryId,
  actorId: ActorId,
  sessionId: SessionId,
  eventId: EventId,
});
