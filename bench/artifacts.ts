/**
 * Artifacts of 32 MiB, each by a task of its own, against a bare `pipeline` of the same chunks through SHA-256 into a
 * file that is flushed. Counted is MiB.
 */
import { createHash } from "node:crypto";
import { createWriteStream, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { perdure } from "perdure";
import { z } from "zod";
import type { Benchmark } from "./benchmark.ts";

const mebibytes = 32;
const chunk = Buffer.alloc(65_536, "0123456789abcdef");

async function* content(): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < mebibytes * 1_048_576; sent += chunk.length) yield chunk;
}

export const artifacts: Benchmark = {
  name: "artifacts, of a pipeline with SHA-256",
  target: 0.5,
  async prepare(folder) {
    const [place, file] = [join(folder, "artifacts"), join(folder, "bare")];
    const app = perdure({
      name: "bench",
      version: "1.0.0",
      store: `sqlite:${join(folder, "artifacts.db")}`,
      artifacts: place,
    });
    app.task("leave", { description: "Leaves an artifact.", input: z.object({}) }, async (_, task) => {
      await task.artifact("content", content());
    });
    await app.start();
    return {
      async subject(untilMs) {
        rmSync(place, { recursive: true, force: true });
        let count = 0;
        for (; performance.now() < untilMs; count += mebibytes) {
          const handle = await app.submit("leave", {});
          await handle.result();
        }
        return count;
      },
      async reference(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count += mebibytes) {
          const hash = createHash("sha256");
          await pipeline(
            content(),
            async function* (source) {
              for await (const part of source) {
                hash.update(part);
                yield part;
              }
            },
            createWriteStream(file, { flush: true }),
          );
          hash.digest();
        }
        return count;
      },
      close: () => app.close({ drainMs: 1_000 }),
    };
  },
};
