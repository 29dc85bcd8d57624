/** What a waiting client is told on the way: progress by its token, log messages as far as it asked for them. */
import type { CallSink } from "../call/held-call.ts";
import type { V1Session } from "./client.ts";
import { isWanted, logMessage, toLoggingLevel } from "./logging.ts";
import { progressTokenOf } from "./request.ts";
import type { ResumableExchange } from "./resumable.ts";

export function sinkOf(exchange: ResumableExchange, { logLevel }: V1Session): CallSink {
  const progressToken = progressTokenOf(exchange.request);
  const least = toLoggingLevel(logLevel);
  return {
    ...(progressToken !== undefined && {
      progress: (report) => exchange.notify("notifications/progress", { ...report, progressToken }),
    }),
    ...(least !== undefined && {
      log: (line) => {
        if (isWanted(line.level, least)) exchange.notify("notifications/message", logMessage(line));
        else exchange.keepAlive();
      },
    }),
    keepAlive: () => exchange.keepAlive(),
  };
}
