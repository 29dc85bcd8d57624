/** Secrets of the store, in its own database: whoever can read that can read everything that they protect. */
import { randomBytes } from "node:crypto";
import type { Database } from "./database.ts";

/** Two processes that want it for the first time take turns: the first one's stays. */
export async function takeSecret(database: Database, name: string): Promise<Uint8Array> {
  const key = `secret:${name}`;
  await database.query("INSERT INTO @.meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    key,
    randomBytes(32).toString("base64url"),
  ]);
  const [row] = await database.query<{ value: string }>("SELECT value FROM @.meta WHERE key = $1", [key]);
  return new Uint8Array(Buffer.from(String(row?.value), "base64url"));
}
