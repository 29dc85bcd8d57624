/** The outcome of a benchmark, and the table of all of them. */
export interface Outcome {
  readonly name: string;
  /** What the two numbers are. `per second`: higher is better; `ms`, `MB`: lower is better. */
  readonly unit: "per second" | "ms" | "MB";
  readonly subject: number;
  readonly reference: number;
  /** How the subject compares; higher is better, whatever the unit. */
  readonly ratio: number;
  /** The least ratio that will do. */
  readonly target: number;
  readonly ok: boolean;
  /** What the numbers come from, for a closer look. */
  readonly details?: unknown;
}

const heads = ["benchmark", "perdure", "reference", "ratio", "target", ""];

export function table(outcomes: readonly Outcome[]): string {
  const lines = [heads, ...outcomes.map(cells)];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

function cells(outcome: Outcome): string[] {
  return [
    outcome.name,
    quantity(outcome.subject, outcome.unit),
    quantity(outcome.reference, outcome.unit),
    outcome.ratio.toFixed(2),
    `≥ ${outcome.target.toFixed(2)}`,
    outcome.ok ? "ok" : "MISS",
  ];
}

function quantity(value: number, unit: Outcome["unit"]): string {
  const rounded = Math.round(value).toLocaleString("en");
  return unit === "per second" ? `${rounded}/s` : `${rounded} ${unit}`;
}
