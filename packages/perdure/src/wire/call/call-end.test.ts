import { describe, expect, it } from "vitest";
import type { ServedTask } from "../service.ts";
import { cancelledByClient, disconnected } from "./call-end.ts";

describe("notifications/cancelled", () => {
  it.each([
    "Request timed out",
    "McpError: MCP error -32001: Request timed out",
    "Timeout",
    "timed-out",
    "time-out",
    "TimeoutError: The operation was aborted due to timeout",
    "context deadline exceeded",
  ])("with the reason %j is the client's own time-out: a detach", (reason) => {
    expect(cancelledByClient(reason)).toMatchObject({ effect: "detach", message: reason });
  });

  it.each(["User pressed stop", "AbortError: This operation was aborted", "", "It is time to go out"])(
    "with the reason %j is a cancellation",
    (reason) => expect(cancelledByClient(reason)).toMatchObject({ effect: "cancel", message: reason }),
  );

  it("without a reason is a cancellation", () => {
    expect(cancelledByClient(undefined).effect).toBe("cancel");
  });
});

describe("a closed connection", () => {
  const task = (onDisconnect: ServedTask["onDisconnect"]) => ({ onDisconnect }) as ServedTask;

  it("is a cancellation on 2026-07-28, unless the tool says otherwise", () => {
    expect(disconnected("2026", task("cancel")).effect).toBe("cancel");
    expect(disconnected("2026", task("continue")).effect).toBe("detach");
  });

  it("is none on 2025", () => {
    expect(disconnected("2025", task("cancel")).effect).toBe("detach");
  });
});
