/** What only a local AgentCore can do: its clock is moved, and its sessions are seen. */
import { z } from "zod";
import type { Clock } from "./clock.ts";
import { MovableClock } from "./movable-clock.ts";
import { type Operation, operation } from "./operation.ts";
import type { RuntimeService } from "./runtime/service.ts";
import { validationError } from "./service-error.ts";

const longestMoveMs = 10 * 365 * 24 * 60 * 60 * 1000;

export function adminOperations(clock: Clock, runtimes: RuntimeService): Operation[] {
  return [
    operation({
      name: "GetClock",
      method: "GET",
      path: "/agentcore-local/clock",
      input: z.object({}),
      run: () => ({ body: { now: clock.now() } }),
    }),
    operation({
      name: "AdvanceClock",
      method: "POST",
      path: "/agentcore-local/clock",
      input: z.object({ advanceMs: z.number().min(0).max(longestMoveMs) }),
      run: ({ advanceMs }) => {
        if (!(clock instanceof MovableClock))
          throw validationError("This clock was given, and is moved elsewhere.");
        clock.advance(advanceMs);
        return { body: { now: clock.now() } };
      },
    }),
    operation({
      name: "ListRuntimeSessions",
      method: "GET",
      path: "/agentcore-local/sessions",
      input: z.object({}),
      run: () => {
        const sessions = runtimes.sessions();
        const shown = sessions.map(({ runtime, sessionId, startedAt }) => ({
          runtime,
          sessionId,
          startedAt,
        }));
        return { body: { sessions: shown } };
      },
    }),
  ];
}
