/** In a thread: the store of its attempt and its programs, by way of the message port; and what the outside has to say. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { encodeJson } from "../../task/json.ts";
import type { ExecResult, OutputLine, RunCommand } from "../exec/exec.ts";
import type { AttemptStore } from "../run.ts";
import { type FromInside, receiveError, type StoreCall, type ToInside } from "./protocol.ts";

/** What is told beside answers. */
export type Told = Exclude<ToInside, { readonly type: "answer" | "refusal" | "lines" }>;

export class StorePort implements AttemptStore {
  readonly #port: MessagePort;
  readonly #onTold: (told: Told) => void;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #onLines = new Map<number, (lines: readonly OutputLine[]) => void>();
  #lastId = 0;

  constructor(port: MessagePort, onTold: (told: Told) => void) {
    this.#port = port;
    this.#onTold = onTold;
    port.on("message", (message: ToInside) => this.#receive(message));
  }

  /** Takes what has arrived, for a handler that never yields: 50 ns where there is nothing. */
  poll(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#receive(received.message as ToInside);
    }
  }

  operations: AttemptStore["operations"] = () => this.#call("operations");
  savedState: AttemptStore["savedState"] = () => this.#call("savedState");
  openWait: AttemptStore["openWait"] = (wait) => this.#call("openWait", wait);
  park: AttemptStore["park"] = (waits) => this.#call("park", waits);
  report: AttemptStore["report"] = (report) => this.#call("report", report);

  /** Checked here: a structured clone keeps less and other things than JSON does. */
  recordOperation: AttemptStore["recordOperation"] = async (operation) => {
    const { kind, name } = operation;
    if (operation.state === "done")
      encodeJson(operation.value, `the result of ${kind} ${JSON.stringify(name)}`);
    return this.#call("recordOperation", operation);
  };

  openCall: AttemptStore["openCall"] = async (call) => {
    encodeJson(call.input, "input");
    return this.#call("openCall", call);
  };

  saveState: AttemptStore["saveState"] = async (state) => {
    if (!(state instanceof Uint8Array)) {
      encodeJson(state, "saved state");
      return this.#call("saveState", state);
    }
    // A clone of a view takes the whole buffer under it along; a copy of it alone is moved.
    const bytes = new Uint8Array(state);
    return this.#request("saveState", [bytes], [bytes.buffer]);
  };

  exec: RunCommand = async (command, onLines, signal) => {
    signal.throwIfAborted();
    const [id, done] = this.#open<ExecResult>();
    const stop = (): void => this.send({ type: "stop", id });
    let thrown: { readonly error: unknown } | undefined;
    this.#onLines.set(id, (lines) => {
      try {
        if (thrown === undefined) void onLines(lines);
      } catch (error) {
        thrown = { error };
        stop();
      }
      this.send({ type: "heard", id });
    });
    signal.addEventListener("abort", stop, { once: true });
    this.send({ type: "exec", id, command });
    try {
      return await done;
    } catch (error) {
      if (thrown !== undefined) throw thrown.error;
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#onLines.delete(id);
    }
  };

  artifact: AttemptStore["artifact"] = async (step) => {
    if (step.do !== "write") return this.#call("artifact", step);
    // As with saved state. The handler goes on with its own: to be hashed, or used again.
    const chunk = new Uint8Array(step.chunk);
    return this.#request("artifact", [{ ...step, chunk }], [chunk.buffer]);
  };

  send(message: FromInside): void {
    this.#port.postMessage(message);
  }

  close(): void {
    this.#port.close();
  }

  #call<T>(method: StoreCall["method"], ...args: readonly unknown[]): Promise<T> {
    return this.#request(method, args, []);
  }

  #request<T>(method: StoreCall["method"], args: readonly unknown[], moved: ArrayBuffer[]): Promise<T> {
    const [id, answer] = this.#open<T>();
    const message: StoreCall = { type: "call", id, method, args };
    this.#port.postMessage(message, moved);
    return answer;
  }

  #open<T>(): [id: number, answer: Promise<T>] {
    const id = ++this.#lastId;
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(id, call);
    return [id, call.promise as Promise<T>];
  }

  #receive(message: ToInside): void {
    if (message.type === "lines") return this.#onLines.get(message.id)?.(message.lines);
    if (message.type !== "answer" && message.type !== "refusal") return this.#onTold(message);
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.type === "answer") call?.resolve(message.value);
    else call?.reject(receiveError(message.error));
  }
}
