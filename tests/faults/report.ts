/** One line for each claim that was tried, with its numbers. */
import type { Violation } from "./checker.ts";

export interface Claim {
  readonly text: string;
  readonly holds: boolean;
  /** Why not; the first few are printed. */
  readonly reasons: readonly string[];
}

const shownReasons = 12;

export class Report {
  readonly claims: Claim[] = [];
  readonly #started = performance.now();

  claim(text: string, reasons: readonly string[]): void {
    this.add({ text, holds: reasons.length === 0, reasons });
  }

  add(claim: Claim): void {
    this.claims.push(claim);
    console.log(`${claim.holds ? "ok  " : "FAIL"} ${claim.text}`);
    for (const reason of claim.reasons.slice(0, shownReasons)) console.log(`       ${reason}`);
    const hidden = claim.reasons.length - shownReasons;
    if (hidden > 0) console.log(`       … and ${hidden} more`);
  }

  /** What is worth knowing and proves nothing. */
  note(text: string): void {
    console.log(`     ${text}`);
  }

  /** @returns whether every claim holds. */
  finish(): boolean {
    const failed = this.claims.filter((claim) => !claim.holds).length;
    const seconds = ((performance.now() - this.#started) / 1_000).toFixed(0);
    console.log(`${this.claims.length - failed} passed, ${failed} failed (${seconds} s)`);
    return failed === 0;
  }
}

export function toReasons(violations: readonly Violation[]): readonly string[] {
  return violations.map(
    ({ rule, task, detail }) => `${rule}: ${task === undefined ? "" : `${task} `}${detail}`,
  );
}
