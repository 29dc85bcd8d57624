/** One start, in a process of its own: `node start.child.ts <file> <unfinished>` prints a {@link StartReport}. */
import { subject } from "./subject.ts";

export interface StartReport {
  /** Loading the modules, before the first call. */
  readonly importMs: number;
  /** `app.start()` has resolved and the first unfinished task has begun. */
  readonly readyMs: number;
  /** The last unfinished task has begun. */
  readonly allBegunMs: number;
}

const importMs = performance.now();
const [file = "", unfinished = ""] = process.argv.slice(2);
const first = Promise.withResolvers<void>();
const last = Promise.withResolvers<void>();
let begun = 0;
const { app, close } = subject(file, () => {
  begun++;
  if (begun === 1) first.resolve();
  if (begun === Number(unfinished)) last.resolve();
});
await app.start();
await first.promise;
const readyMs = performance.now() - importMs;
await last.promise;
const report: StartReport = { importMs, readyMs, allBegunMs: performance.now() - importMs };
await close();
process.stdout.write(JSON.stringify(report));
