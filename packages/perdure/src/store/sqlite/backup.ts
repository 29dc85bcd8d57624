/** A consistent copy of a store in use. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { PerdureError } from "../../task/errors.ts";
import type { SqliteConnection } from "./driver.ts";
import { createPrivateFile } from "./private-file.ts";

/**
 * Copies one snapshot with `VACUUM INTO`, on a connection and a thread of its own, so that neither the event loop nor
 * the writers wait. (`backup()` of node:sqlite does not exist on 22.13.) The copy appears under its name when it is
 * complete and flushed.
 */
const copySnapshot = `
  const { workerData } = require("node:worker_threads");
  const { DatabaseSync } = require("node:sqlite");
  const source = new DatabaseSync(workerData.source);
  source.exec("PRAGMA busy_timeout = 5000");
  source.prepare("VACUUM INTO ?").run(workerData.target);
  source.close();
`;

export async function backupFile(source: string, target: string): Promise<void> {
  refuseExisting(target);
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  try {
    createPrivateFile(partial);
    await runWorker(copySnapshot, { source, target: partial });
    const copy = await open(partial, "r+");
    await copy.sync();
    await copy.close();
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** A store in memory is seen by its own connection only: the event loop waits. */
export function backupMemory(connection: SqliteConnection, target: string): void {
  refuseExisting(target);
  createPrivateFile(target);
  connection.prepare("VACUUM INTO ?").run(target);
}

function refuseExisting(target: string): void {
  if (!existsSync(target)) return;
  throw new PerdureError("INVALID_OPTION", {
    message: `backup to ${target}: a file of that name is there already. Name a new file, or remove it first.`,
  });
}

function runWorker(code: string, workerData: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true, workerData, execArgv: [] });
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}
