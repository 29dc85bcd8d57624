/** Identifiers of AgentCore Memory: the patterns and lengths of the service's model. */
import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import { text } from "../constraints.ts";

const memoryIdPattern =
  /^(arn:(aws|aws-cn|aws-us-gov):bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:memory\/)?[a-zA-Z][a-zA-Z0-9-_]{0,99}-[a-zA-Z0-9]{10}$/;

/** An ARN names the same memory as the id at its end, which is what is kept and answered. */
export const MemoryId = text(12, 2048, memoryIdPattern).transform((id) => id.slice(id.lastIndexOf("/") + 1));

export const ActorId = text(1, 255, /^[a-zA-Z0-9][a-zA-Z0-9-_/]*(?::[a-zA-Z0-9-_/]+)*[a-zA-Z0-9-_/]*$/);

export const SessionId = text(1, 100, /^[a-zA-Z0-9][a-zA-Z0-9-_]*$/);

export const EventId = text(1, 1024, /^[0-9]+#[a-fA-F0-9]+$/);

export const BranchName = text(1, 100, /^[a-zA-Z0-9][a-zA-Z0-9-_]*$/);

export const MemoryRecordId = text(40, 50, /^mem-[a-zA-Z0-9-_]*$/);

export const MemoryStrategyId = text(1, 100, /^[a-zA-Z0-9][a-zA-Z0-9-_]*$/);

export const Namespace = text(
  1,
  1024,
  /^[a-zA-Z0-9/*][a-zA-Z0-9-_/*]*(?::[a-zA-Z0-9-_/*]+)*[a-zA-Z0-9-_/*]*$/,
);

const latestTimestampS = 253_402_300_799;

/** Seconds since 1970 on the wire, with a fraction; kept to the millisecond, as the service does. */
export const Timestamp = z
  .number()
  .min(0)
  .max(latestTimestampS)
  .transform((seconds) => Math.round(seconds * 1000));

export function toSeconds(ms: number): number {
  return ms / 1000;
}

/** The time of the event in milliseconds, padded so that ids sort by time, and eight random digits. */
export function newEventId(timestampMs: number): string {
  return `${String(timestampMs).padStart(19, "0")}#${randomBytes(4).toString("hex")}`;
}

export function newMemoryRecordId(): string {
  return `mem-${randomUUID()}`;
}
