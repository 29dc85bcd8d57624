import assert from "node:assert/strict";
import type { JsonValue } from "../../task/json.ts";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { texts } from "./text.ts";

const nested = (depth: number): JsonValue => {
  let value: JsonValue = "bottom";
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
};

/** Puts a value into every place that keeps one, reads it back from each, and asks them all to be equal. */
async function comesBack(h: ContractHarness, value: JsonValue, about: string): Promise<void> {
  const key = await h.running({ input: value });
  const operation = { ...key, kind: "step" } as const;
  const recorded = await h.store.recordOperation({ ...operation, name: "load", state: "done", value });
  const cause = failure({ data: value });
  await h.store.recordOperation({ ...operation, name: "train", state: "failed", failure: cause });
  await h.store.saveState({ ...key, state: value });
  await h.store.report({ ...key, logs: [{ level: "info", message: "value", data: value }] });
  await h.store.complete({ ...key, result: value });

  const { record, operations, savedState, timeline } = await h.everything(key.taskId);
  assertFields(recorded, { value });
  assertFields(record, { input: value, result: value });
  assertFields(operations[0], { value });
  assertFields(operations[1], { failure: cause });
  assert.deepEqual(savedState, value, about);
  const log = timeline.find((event) => event.type === "log");
  assert.deepEqual(log?.data, value, about);
}

export const valueCases = casesOf("values", {
  async "come back equal from every place: text in every script"(h) {
    for (const [about, text] of Object.entries(texts)) {
      await comesBack(h, { text, list: [text], [text]: "as a key" }, about);
    }
  },

  async "come back equal from every place: numbers to the last bit"(h) {
    await comesBack(
      h,
      [0, -1, 0.1 + 0.2, 1e21, 1.7976931348623157e308, 5e-324, 2 ** 53 - 1, -(2 ** 53 - 1), Math.PI],
      "numbers",
    );
  },

  async "come back equal from every place: empty and nested ones"(h) {
    await comesBack(h, [null, true, false, [], {}, [[]], { "": {} }], "empty");
    await comesBack(h, nested(400), "nested");
  },

  async "come back with their keys in order"(h) {
    const key = await h.running({ input: { z: 1, a: 2, m: { y: 1, b: 2 } } });
    assert.equal(
      JSON.stringify((await h.read(key.taskId)).input),
      JSON.stringify({ z: 1, a: 2, m: { y: 1, b: 2 } }),
    );
  },

  async "come back with a key named __proto__ as a key, and pollute nothing"(h) {
    const hostile = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": {"prototype": 1}}',
    ) as JsonValue;
    await comesBack(h, hostile, "__proto__");
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  },

  async "may be 1 MB"(h) {
    await comesBack(h, { text: "x".repeat(2 ** 20) }, "1 MB of one byte");
    await comesBack(
      h,
      { text: "训".repeat(2 ** 19), rows: Array.from({ length: 1_000 }, (_, n) => n) },
      "wide",
    );
  },

  async "may be 1 MB of bytes"(h) {
    const key = await h.running();
    const bytes = Uint8Array.from({ length: 2 ** 20 }, (_, n) => (n * 31) % 256);
    await h.store.saveState({ ...key, state: bytes });
    const back = await h.store.savedState(key);
    assert.ok(back instanceof Uint8Array);
    assert.equal(Buffer.compare(back, bytes), 0);
  },

  async "that are undefined come back so, and as properties are left out"(h) {
    const key = await h.running({ input: undefined });
    const operation = await h.store.recordOperation({
      ...key,
      name: "load",
      kind: "step",
      state: "done",
      value: undefined,
    });
    assertFields(operation, { state: "done", value: undefined });
    await h.store.complete({ ...key, result: { kept: 1, dropped: undefined } });
    const record = await h.read(key.taskId);
    assert.equal(record.input, undefined);
    assert.deepEqual(record.result, { kept: 1 });
    const other = await h.running({ input: null });
    assert.equal((await h.read(other.taskId)).input, null);
  },

  async "are decoded already in what a transition returns"(h) {
    const input = { list: [1], gone: undefined };
    const task = await h.create({ input });
    assert.deepEqual(task.input, { list: [1] });
    assert.notEqual(task.input, input);
  },

  async "that JSON does not keep are refused, with the path to them"(h) {
    class Model {
      weights = [1];
    }
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const refused: readonly (readonly [unknown, string])[] = [
      [{ a: [0, { b: Number.NaN }] }, ".a[1].b"],
      [{ at: Number.NEGATIVE_INFINITY }, ".at"],
      [{ when: new Date(0) }, ".when"],
      [[1, undefined], "[1]"],
      [{ sparse: [, 1] }, ".sparse[0]"], // oxlint-disable-line no-sparse-arrays
      [{ map: new Map() }, ".map"],
      [{ set: new Set() }, ".set"],
      [{ bytes: [new Uint8Array(1)] }, ".bytes[0]"],
      [{ model: new Model() }, ".model"],
      [{ big: 1n }, ".big"],
      [{ call: () => 1 }, ".call"],
      [{ symbol: Symbol("s") }, ".symbol"],
      [{ custom: { toJSON: () => 1 } }, ".custom"],
      [Number.NaN, "NaN"],
      [cycle, ".self"],
      [nested(600), "in"],
    ];
    for (const [value, path] of refused) {
      const input = value as JsonValue;
      const refusal = await refuses("INVALID_VALUE", () => h.store.create(h.request({ input })), path);
      assert.ok(refusal.message.includes(path), `"${refusal.message}" names ${path}`);
    }
    assert.deepEqual(await h.store.list({}), { tasks: [] });
  },

  async "are refused in every place, and nothing is written"(h) {
    const key = await h.running();
    const bad = { rows: [1, Number.NaN] } as JsonValue;
    const operation = { ...key, kind: "step", name: "load" } as const;
    const writes: Readonly<Record<string, () => Promise<unknown>>> = {
      "operation value": () => h.store.recordOperation({ ...operation, state: "done", value: bad }),
      "operation failure": () =>
        h.store.recordOperation({ ...operation, state: "failed", failure: failure({ data: bad }) }),
      "saved state": () => h.store.saveState({ ...key, state: bad }),
      "log data": () => h.store.report({ ...key, logs: [{ level: "info", message: "", data: bad }] }),
      result: () => h.store.complete({ ...key, result: bad }),
      failure: () => h.store.fail({ ...key, failure: failure({ data: bad }) }),
      "retry failure": () => h.store.retry({ ...key, failure: failure({ data: bad }), delayMs: 0 }),
    };
    for (const [place, write] of Object.entries(writes)) {
      await leavesUnchanged(h, key.taskId, async () => {
        const refusal = await refuses("INVALID_VALUE", write, place);
        assert.ok(refusal.message.includes(".rows[1]"), `${place}: "${refusal.message}" names the path`);
      });
    }
    await h.store.complete({ ...key, result: "still running" });
  },
});
