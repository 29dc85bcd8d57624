/** `████████░░░░ 3/5  loss 0.214`, or without a known end just how far it is. */

export interface Report {
  readonly done: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

const width = 24;

export function bar({ done, total, message }: Report): string {
  const counted = total === undefined || total <= 0 ? count(done) : measured(done, total);
  return message === undefined ? counted : `${counted}  ${message}`;
}

function measured(done: number, total: number): string {
  const filled = Math.round(width * Math.min(1, Math.max(0, done / total)));
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} ${count(done)}/${count(total)}`;
}

/** At most two decimals, rounded down: a heartbeat raises the number by less than one unit, and no work was done. */
function count(value: number): string {
  return String(Math.floor(value * 100) / 100);
}
