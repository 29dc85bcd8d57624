/**
 * The live line of a task. A spinner (`ora`: it also shows life where no end is known) with a bar beside it on a
 * terminal; plain lines, one for each change, anywhere else.
 */
import ora from "ora";
import { bar, type Report } from "./bar.ts";
import { printable } from "./output.ts";

export interface ProgressLine {
  report(report: Report): void;
  /** Writes something else, above the line. */
  beside(write: () => void): void;
  stop(): void;
}

export const silentLine: ProgressLine = {
  report: () => undefined,
  beside: (write) => write(),
  stop: () => undefined,
};

export function progressLine(title: string, stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  if (!isLive(stream)) return plainLines(title, stream);
  // Ctrl-C is ours: with its raw mode on standard input, ora would take it.
  const spinner = ora({ text: title, stream, discardStdin: false }).start();
  return {
    report: (report) => {
      spinner.text = `${title} ${printable(bar(report))}`;
    },
    beside: (write) => {
      spinner.clear();
      write();
      spinner.render();
    },
    stop: () => {
      spinner.stop();
    },
  };
}

/** Whether lines can be drawn over: ora runs for ever on a terminal that says it has no columns, as some recorders' do. */
export function isLive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.columns > 0 && process.env["CI"] === undefined;
}

function plainLines(title: string, stream: NodeJS.WriteStream): ProgressLine {
  let last = "";
  return {
    report: (report) => {
      const line = `${title} ${printable(bar(report))}`;
      if (line === last) return;
      last = line;
      stream.write(`${line}\n`);
    },
    beside: (write) => write(),
    stop: () => undefined,
  };
}
