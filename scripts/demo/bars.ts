/** A live bar for each training on a terminal; a line for each change anywhere else. */
import ora, { type Ora } from "ora";
import { bar, type Report } from "../../packages/perdure/src/cli/bar.ts";
import { isLive } from "../../packages/perdure/src/cli/progress-line.ts";

const labelWidth = 34;

export class Bars {
  readonly #rows = new Map<string, string>();
  readonly #live = isLive(process.stdout);
  #spinner: Ora | undefined;

  report(label: string, report: Report): void {
    const row = `${label.padEnd(labelWidth)}${bar(report)}`;
    if (this.#rows.get(label) === row) return;
    this.#rows.set(label, row);
    if (!this.#live) {
      console.log(`    ${row}`);
      return;
    }
    this.#spinner ??= ora({ stream: process.stdout, discardStdin: false, indent: 2 }).start();
    this.#spinner.text = [...this.#rows.values()].join("\n    ");
  }

  /** The bars stay on the screen as they are; the next ones are new. */
  stop(): void {
    this.#spinner?.stopAndPersist({ symbol: " " });
    this.#spinner = undefined;
    this.#rows.clear();
  }
}
