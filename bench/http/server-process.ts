/** A server in a process of its own, so that what is compared is what servers cost. It goes with its scope. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface ServerProcess extends Disposable {
  readonly url: string;
}

/** @param program of this folder; it sends its URL when it listens. */
export async function startServer(program: string, ...args: readonly string[]): Promise<ServerProcess> {
  const child = fork(join(import.meta.dirname, program), args);
  const gone = new AbortController();
  child.once("exit", (code) => gone.abort(new Error(`${program} ended with ${code} before it listened`)));
  const [url] = (await once(child, "message", { signal: gone.signal })) as [string];
  return { url, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}
