import { describe, expect, it } from "vitest";
import { createV1Front } from "./front.ts";
import { ask, never, session, testFront, testService } from "./service.fixture.ts";

const request = { jsonrpc: "2.0", id: 1 };
const call = { ...request, method: "tools/call" };

describe("which messages are ours", () => {
  it.each<[string, unknown, boolean]>([
    ["a call of a task", { ...call, params: { name: "never" } }, true],
    ["a call with arguments", { ...call, params: { name: "never", arguments: { a: 1 } } }, true],
    ["a call that asks for a task", { ...call, params: { name: "never", task: { ttl: 1 } } }, true],
    ["a call with an id that is text", { ...call, id: "one", params: { name: "never" } }, true],
    ["another tool", { ...call, params: { name: "greet" } }, false],
    ["the name of a method of every object", { ...call, params: { name: "toString" } }, false],
    ["no name", { ...call, params: {} }, false],
    ["no parameters", call, false],
    ["arguments that are a list", { ...call, params: { name: "never", arguments: [] } }, false],
    ["arguments that are null", { ...call, params: { name: "never", arguments: null } }, false],
    ["a notification", { jsonrpc: "2.0", method: "tools/call", params: { name: "never" } }, false],
    ["an id that is null", { ...call, id: null, params: { name: "never" } }, false],
    ["an id that is a fraction", { ...call, id: 1.5, params: { name: "never" } }, false],
    ["another version of JSON-RPC", { ...call, jsonrpc: "1.0", params: { name: "never" } }, false],
    ["a property too many", { ...call, params: { name: "never" }, extra: 1 }, false],
    [
      "a progress token that is none",
      { ...call, params: { name: "never", _meta: { progressToken: {} } } },
      false,
    ],
    ["a _meta that is none", { ...call, params: { name: "never", _meta: 1 } }, false],
    ["tasks/get", { ...request, method: "tasks/get", params: { taskId: "x" } }, true],
    ["tasks/get without an id: the method exists", { ...request, method: "tasks/get" }, true],
    ["tasks/result", { ...request, method: "tasks/result", params: { taskId: "x" } }, true],
    ["tasks/list", { ...request, method: "tasks/list" }, true],
    ["tasks/cancel", { ...request, method: "tasks/cancel", params: { taskId: "x" } }, true],
    ["tasks/update, of the generation after", { ...request, method: "tasks/update" }, false],
    ["tools/list", { ...request, method: "tools/list" }, false],
    ["a batch", [{ ...call, params: { name: "never" } }], false],
    ["an answer", { ...request, result: {} }, false],
    ["null", null, false],
    ["text", "tasks/get", false],
  ])("%s", async (_, message, ours) => {
    const front = await testFront({ never });
    expect(front.claim(message, session) !== undefined).toBe(ours);
  });

  it("of a client before tasks, only calls", async () => {
    const front = await testFront({ never });
    const old = { ...session, protocolVersion: "2025-06-18" };
    expect(front.claim({ ...request, method: "tasks/list" }, old)).toBeUndefined();
    expect(front.claim({ ...call, params: { name: "never" } }, old)).toBeDefined();
  });

  it("of a client that never said its version, all", async () => {
    const front = await testFront({ never });
    const unknown = { ...session, protocolVersion: undefined };
    expect(front.claim({ ...request, method: "tasks/list" }, unknown)).toBeDefined();
  });
});

describe("a fault of ours", () => {
  it("says nothing of the inside", async () => {
    const service = await testService({ never });
    const front = createV1Front(service);
    const { store } = service.runtime;
    const create = store.create.bind(store);
    store.create = () => Promise.reject(new Error("ENOENT: /var/lib/app.db"));
    const broken = await ask(front, "tools/call", { name: "never" });
    expect(broken.said).toEqual([{ error: { code: -32_603, message: "Internal error" } }]);
    store.create = create;
    await store.close();
    const { said } = await ask(front, "tools/call", { name: "never" });
    expect(said).toEqual([{ error: { code: -32_603, message: "The server is shutting down" } }]);
  });
});
