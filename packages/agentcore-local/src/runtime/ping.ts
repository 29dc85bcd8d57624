/** `GET /ping` of a program: that it is there, and when something last happened in it. */
import { request } from "node:http";

export interface Pong {
  readonly status: number;
  /** Seconds since 1970, by the program's clock. */
  readonly timeOfLastUpdate: number | undefined;
}

const timeoutMs = 2_000;
const maxChars = 10_000;

/** `undefined`: there was no answer. */
export function ping(port: number): Promise<Pong | undefined> {
  const { promise, resolve } = Promise.withResolvers<Pong | undefined>();
  const sent = request({ host: "127.0.0.1", port, path: "/ping", agent: false, timeout: timeoutMs });
  sent.on("error", () => resolve(undefined));
  sent.on("timeout", () => sent.destroy());
  sent.on("close", () => resolve(undefined));
  sent.on("response", (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      if (text.length < maxChars) text += chunk;
    });
    response.on("end", () => resolve({ status: response.statusCode ?? 0, timeOfLastUpdate: updateIn(text) }));
  });
  sent.end();
  return promise;
}

/** An integer, as the platform wants it; anything else is as if it were left out. */
function updateIn(text: string): number | undefined {
  try {
    const { time_of_last_update: at } = JSON.parse(text) as { readonly time_of_last_update?: unknown };
    return Number.isSafeInteger(at) ? (at as number) : undefined;
  } catch {
    return undefined;
  }
}
