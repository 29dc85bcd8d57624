/**
 * What a command says. The answer goes to standard output: as text for people, or with `--json` as one JSON document
 * (a line for each piece of news of a `watch`). Everything else, progress and advice, goes to standard error.
 */
import type { JsonValue } from "../task/json.ts";

export interface Output {
  readonly json: boolean;
  /** The answer. */
  answer(document: JsonValue, text: string): void;
  /** One of many answers. */
  line(document: JsonValue, text: string): void;
  /** Beside the answer; silent with `--json`. */
  advice(text: string): void;
}

export function output(json: boolean): Output {
  return {
    json,
    answer: (document, text) => write(json ? JSON.stringify(document, undefined, 2) : text),
    line: (document, text) => write(json ? JSON.stringify(document) : text),
    advice: (text) => {
      if (!json) process.stderr.write(`${text}\n`);
    },
  };
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Text of others on a terminal: control characters, which could move the cursor or change colours, are shown as marks. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- it is these that are looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}
