import assert from "node:assert/strict";
import type { LogLine } from "../../task/record.ts";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const reportCases = casesOf("report", {
  async "keeps the latest progress"(h) {
    const key = await h.running();
    for (const progress of [
      { done: 1, total: 3, message: "loss 0.5" },
      { done: 2, total: 3 },
      { done: 2.5 },
      { done: 0, total: 0, message: "" },
    ]) {
      await h.clock.advance(10);
      await h.store.report({ ...key, progress });
      const record = await h.read(key.taskId);
      assert.deepEqual(record.progress, progress);
      assertFields(record, { status: "working", phase: "running", updatedAt: h.clock.now() });
    }
  },

  async "raises the revision with progress"(h) {
    const key = await h.running();
    const before = await h.read(key.taskId);
    await h.store.report({ ...key, progress: { done: 1 } });
    assert.ok((await h.read(key.taskId)).revision > before.revision);
  },

  async "keeps every log line, in order"(h) {
    const key = await h.running();
    const lines: LogLine[] = [
      { level: "debug", message: "1" },
      { level: "info", message: "2", data: { rows: 5 } },
      { level: "warning", message: "3", data: null },
      { level: "error", message: "" },
    ];
    await h.store.report({ ...key, logs: lines.slice(0, 2) });
    await h.store.report({ ...key, logs: lines.slice(2) });
    const events = await h.store.timeline({ taskId: key.taskId, after: 0 });
    const logs = events.flatMap((event) => {
      if (event.type !== "log") return [];
      const { revision: _revision, at: _at, type: _type, ...line } = event;
      return [line];
    });
    assert.deepEqual(logs, lines);
  },

  async "keeps progress where only logs are given, and the other way round"(h) {
    const key = await h.running();
    await h.store.report({ ...key, progress: { done: 1, total: 2 } });
    await h.store.report({ ...key, logs: [{ level: "info", message: "loading" }] });
    assert.deepEqual((await h.read(key.taskId)).progress, { done: 1, total: 2 });
    await h.store.report({ ...key, progress: { done: 2, total: 2 } });
    assert.deepEqual(await h.life(key.taskId), ["created", "begun", "log"]);
  },

  async "takes both at once"(h) {
    const key = await h.running();
    await h.store.report({ ...key, progress: { done: 1 }, logs: [{ level: "info", message: "loading" }] });
    assert.deepEqual((await h.read(key.taskId)).progress, { done: 1 });
    assert.deepEqual(await h.life(key.taskId), ["created", "begun", "log"]);
  },

  async "keeps neither when one is refused"(h) {
    const key = await h.running();
    await leavesUnchanged(h, key.taskId, () =>
      refuses("INVALID_VALUE", () =>
        h.store.report({
          ...key,
          progress: { done: 1 },
          logs: [
            { level: "info", message: "good" },
            { level: "info", message: "bad", data: { at: Number.POSITIVE_INFINITY } },
          ],
        }),
      ),
    );
  },

  async "keeps what was given when it was called, whatever becomes of the object"(h) {
    const key = await h.running();
    const progress = { done: 1 };
    const data = { rows: [1, 2, 3] };
    const reporting = h.store.report({ ...key, progress, logs: [{ level: "info", message: "", data }] });
    progress.done = 9;
    data.rows.fill(0);
    await reporting;
    assert.deepEqual((await h.read(key.taskId)).progress, { done: 1 });
    const log = (await h.store.timeline(key)).find((event) => event.type === "log");
    assert.deepEqual(log?.data, { rows: [1, 2, 3] });
  },

  async "keeps the last progress when the task ends"(h) {
    const key = await h.running();
    await h.store.report({ ...key, progress: { done: 2, total: 3 } });
    await h.store.complete({ ...key, result: "early" });
    assert.deepEqual((await h.read(key.taskId)).progress, { done: 2, total: 3 });
  },
});
