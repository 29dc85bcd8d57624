/** What the tests of engine and application set up: an application over a real store, closed when the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Logger } from "../engine/logger.ts";
import type { Clock } from "../task/clock.ts";
import { type App, perdure, type PerdureOptions } from "./app.ts";

const ignore = (): void => undefined;
export const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** A clock that a test moves has to be moved for a close to go on. */
export type TestClock = Clock & { advance?(ms: number): Promise<void> };

/** Over a store in memory, where nothing else is said. Handlers still running at the end of the test are left. */
export function testApp(options: Partial<PerdureOptions> & { readonly clock?: TestClock } = {}): App {
  const app = perdure({
    name: "test",
    version: "1.0.0",
    store: "sqlite::memory:",
    logger: silent,
    ...options,
  });
  onTestFinished(() => closeNow(app, options.clock));
  return app;
}

/** Leaves what runs to the next start. */
export async function closeNow(app: App, clock?: TestClock): Promise<void> {
  const closed = app.close({ drainMs: 0 });
  await clock?.advance?.(0);
  await closed;
}

/** The name of a database file in a folder of its own, removed with the test. */
export function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "perdure-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "tasks.db");
}

/** A promise that never settles: a handler that ignores its signal. */
export const forever = new Promise<never>(ignore);
