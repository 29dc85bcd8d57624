/** Secrets of the store, in its own file: whoever can read that can read everything that they protect. */
import { randomBytes } from "node:crypto";
import type { Transaction } from "./transaction.ts";

/** Two processes that want it for the first time take turns: the first one's stays. */
export function takeSecret(tx: Transaction, name: string): Uint8Array {
  const key = `secret:${name}`;
  tx.sql("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)").run(
    key,
    randomBytes(32).toString("base64url"),
  );
  const row = tx.sql("SELECT value FROM meta WHERE key = ?").get(key);
  return new Uint8Array(Buffer.from(String(row?.["value"]), "base64url"));
}
