/** Secrets, made by the store and shared by all its processes. */
import assert from "node:assert/strict";
import { casesOf } from "./contract.ts";

export const secretCases = [
  ...casesOf("secrets", {
    async "are 32 bytes, the same again, and another under another name"(h) {
      const [first, again, other] = await Promise.all([
        h.store.secret("a"),
        h.store.secret("a"),
        h.store.secret("b"),
      ]);
      assert.equal(first.byteLength, 32);
      assert.deepEqual(again, first);
      assert.notDeepEqual(other, first);
    },
  }),
  ...casesOf(
    "secrets",
    {
      async "outlive the process"(h) {
        const first = await h.store.secret("a");
        await h.reopen();
        assert.deepEqual(await h.store.secret("a"), first);
      },
    },
    "reopen",
  ),
  ...casesOf(
    "secrets",
    {
      async "are the same for every process"(h) {
        const other = await h.attach();
        assert.deepEqual(await other.secret("a"), await h.store.secret("a"));
      },
    },
    "attach",
  ),
];
