/** What a waiting client is told on the way: progress by its token, log messages as far as it asked for them. */
import type { Exchange } from "../exchange.ts";
import type { CallSink } from "./held-call.ts";
import { isWanted, type LoggingLevel, logMessage } from "./logging.ts";

export interface WantedSigns {
  readonly progressToken: string | number | undefined;
  /** The least urgent log messages that the client wants; absent: none. */
  readonly logLevel: LoggingLevel | undefined;
}

export function sinkOf(
  exchange: Pick<Exchange, "notify" | "keepAlive">,
  { progressToken, logLevel }: WantedSigns,
): CallSink {
  return {
    ...(progressToken !== undefined && {
      progress: (report) => exchange.notify("notifications/progress", { ...report, progressToken }),
    }),
    ...(logLevel !== undefined && {
      log: (line) => {
        if (isWanted(line.level, logLevel)) exchange.notify("notifications/message", logMessage(line));
        // It may have been a sign of life.
        else exchange.keepAlive();
      },
    }),
    keepAlive: () => exchange.keepAlive(),
  };
}
