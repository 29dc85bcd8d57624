/** Log lines of a task as `notifications/message`, where the client asked for logging. */
import type { JsonObject } from "../../task/json.ts";
import type { LogLevel, LogLine } from "../../task/record.ts";

/** Of RFC 5424, by urgency. */
const loggingLevels = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
] as const;
export type LoggingLevel = (typeof loggingLevels)[number];

export function toLoggingLevel(value: unknown): LoggingLevel | undefined {
  return loggingLevels.find((known) => known === value);
}

export function isWanted(level: LogLevel, least: LoggingLevel): boolean {
  return loggingLevels.indexOf(level) >= loggingLevels.indexOf(least);
}

export function logMessage({ level, message, data }: LogLine): JsonObject {
  return { level, data: data === undefined ? message : { message, data } };
}
