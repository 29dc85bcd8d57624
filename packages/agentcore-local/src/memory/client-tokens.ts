/**
 * A request that comes again under the same client token is not carried out again. The model says: "AgentCore ignores the
 * request, but does not return an error", and has a reason for an error all the same; what the service does with
 * *other* parameters under the same token is therefore a setting.
 */
import { createHash } from "node:crypto";
import { validationError } from "../service-error.ts";
import type { Database } from "./database.ts";

export type TokenMismatch = "ignore" | "refuse";

export interface TokenUse {
  readonly memoryId: string;
  readonly operation: string;
  readonly token: string | undefined;
  /** All of the request: JSON. */
  readonly request: unknown;
  readonly expiresAt: number;
}

export class ClientTokens {
  readonly #database: Database;
  readonly #mismatch: TokenMismatch;

  constructor(database: Database, mismatch: TokenMismatch) {
    this.#database = database;
    this.#mismatch = mismatch;
  }

  /** What was answered the first time: JSON. @throws ServiceError `ValidationException` for other parameters */
  answered(use: TokenUse): unknown {
    if (use.token === undefined) return undefined;
    const row = this.#database.get(
      "SELECT fingerprint, answer FROM client_tokens WHERE memory_id = ? AND operation = ? AND token = ?",
      use.memoryId,
      use.operation,
      use.token,
    );
    if (row === undefined) return undefined;
    if (this.#mismatch === "refuse" && row["fingerprint"] !== fingerprint(use.request)) {
      throw validationError(
        "clientToken was used before, with other parameters.",
        "IdempotentParameterMismatchException",
      );
    }
    return JSON.parse(row["answer"] as string) as unknown;
  }

  /** Within the transaction of what was done. */
  keep(use: TokenUse, answer: unknown): void {
    if (use.token === undefined) return;
    this.#database.run(
      "INSERT INTO client_tokens (memory_id, operation, token, fingerprint, answer, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
      use.memoryId,
      use.operation,
      use.token,
      fingerprint(use.request),
      JSON.stringify(answer),
      use.expiresAt,
    );
  }
}

function fingerprint(request: unknown): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("base64url");
}
