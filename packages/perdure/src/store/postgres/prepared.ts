/**
 * Statements that a connection keeps prepared: reads of one row, where to parse and to plan is half of the cost
 * (measured: 1,311 µs for a bare SELECT of one row, 677 µs prepared). Only those whose plan does not depend on how the
 * tables grow: all by primary key.
 *
 * A pooler in transaction mode may give a transaction to a connection that never heard of the statement. Then the server
 * says so before anything was done; the same is asked without a name, and no more is prepared. Newer PgBouncers
 * (`max_prepared_statements`) keep them along, which is why it is tried. It is the same where a newer version has added
 * a column to what a statement reads: its plan must not change its result.
 */
import { createHash } from "node:crypto";
import type { QueryConfig } from "pg";

/** Begins a statement that is to be kept prepared. */
export const often = "/* often */ ";

/** invalid_sql_statement_name, duplicate_prepared_statement, and feature_not_supported: a plan whose result has changed */
const refusals: ReadonlySet<string> = new Set(["26000", "42P05", "0A000"]);

export class PreparedStatements {
  readonly #names = new Map<string, string>();
  #usable = true;

  /** @param text without placeholders of ours */
  statement(text: string, values: unknown[]): QueryConfig {
    return this.#usable && text.startsWith(often)
      ? { text, values, name: this.#nameOf(text) }
      : { text, values };
  }

  /**
   * Where the error says that prepared statements do not do here, the text by which the same is asked without; from then
   * on there are none.
   */
  insteadOf(text: string, error: unknown): string | undefined {
    const { code } = error as { readonly code?: string };
    if (!text.startsWith(often) || code === undefined || !refusals.has(code)) return undefined;
    this.#usable = false;
    return text.slice(often.length);
  }

  /** The same name is always the same statement, whoever prepared it on a shared connection. */
  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `perdure_${createHash("sha256").update(text).digest("hex").slice(0, 24)}`;
      this.#names.set(text, name);
    }
    return name;
  }
}
