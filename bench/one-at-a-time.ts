/** Submit, run, result, one task at a time, against three times an append and `fdatasync` of 4 KiB. */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { openSubject, input } from "./subject.ts";

const flushes = 3;
const page = Buffer.alloc(4_096, "x");

export const oneAtATime: Benchmark = {
  name: `one at a time, of ${flushes} fdatasync`,
  target: 1,
  async prepare(folder) {
    const { app, close } = await openSubject(join(folder, "one-at-a-time.db"));
    await app.start();
    const file = openSync(join(folder, "appended"), "a");
    return {
      async subject(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count++) {
          const handle = await app.submit("bench", input);
          await handle.result();
        }
        return count;
      },
      reference(untilMs) {
        ftruncateSync(file);
        let count = 0;
        for (; performance.now() < untilMs; count++) {
          for (let i = 0; i < flushes; i++) {
            writeSync(file, page);
            fdatasyncSync(file);
          }
        }
        return count;
      },
      async close() {
        closeSync(file);
        await close();
      },
    };
  },
};
