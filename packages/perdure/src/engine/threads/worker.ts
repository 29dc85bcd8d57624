/** What runs in a thread: loads the module, and runs the inside of one attempt at a time. */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../task/clock.ts";
import { encodeJson } from "../../task/json.ts";
import { type Handler, HandlerRun } from "../handler-run.ts";
import type { Logger } from "../logger.ts";
import type { Settled } from "../run.ts";
import { polledSignal } from "./polled-signal.ts";
import { type Begin, type LoadReport, receiveError, sendError, type ThreadOrder } from "./protocol.ts";
import { StorePort } from "./store-port.ts";

parentPort?.on("message", (order: ThreadOrder) => {
  if (order.type === "begin") return void begin(order.begin);
  loadHandler().then(
    () => report({}),
    (error: unknown) => report({ problem: error instanceof Error ? error.message : String(error) }),
  );
});

function report(loaded: LoadReport): void {
  parentPort?.postMessage(loaded);
}

async function loadHandler(): Promise<Handler> {
  const { module } = workerData as { readonly module: string };
  const { default: exported } = (await import(module)) as { readonly default?: unknown };
  // A CommonJS module that was compiled from `export default`.
  const handler = (exported as { readonly default?: unknown } | undefined)?.default ?? exported;
  if (typeof handler === "function") return handler as Handler;
  throw new Error(
    `its default export must be the handler, \`export default async (input, task) => …\`; it is ${typeof handler}.`,
  );
}

async function begin({ port, slotWanted, ...parts }: Begin): Promise<void> {
  const [asked, ended] = [new AbortController(), new AbortController()];
  let wanted = slotWanted;
  let run: HandlerRun | undefined;
  const store = new StorePort(port, (told) => {
    switch (told.type) {
      case "asked":
        return asked.abort(receiveError(told.reason));
      case "ended":
        return ended.abort(receiveError(told.reason));
      case "notice":
        return run?.notice();
      case "slotWanted":
        wanted = true;
        return run?.yieldSlot();
    }
  });
  const settled = await settle(async () => {
    const handler = await loadHandler();
    ended.signal.throwIfAborted();
    const insideParts = {
      ...parts,
      store,
      exec: store.exec,
      asked: polledSignal(asked.signal, () => store.poll()),
      ended: ended.signal,
      slotWanted: () => wanted,
      logger: loggerOver(store),
      clock: systemClock,
      random: Math.random,
    };
    run = new HandlerRun(insideParts, handler);
    return run.settled;
  });
  // What was left behind and throws in this turn is still this attempt's.
  setImmediate(() => {
    if ("returned" in settled) store.send({ type: "returned", value: settled.returned });
    else store.send({ type: "thrown", error: sendError(settled.thrown) });
    store.close();
  });
}

/** A result crosses as the JSON that it will be recorded as. */
async function settle(run: () => Promise<Settled>): Promise<Settled> {
  try {
    const settled = await run();
    if ("returned" in settled) encodeJson(settled.returned, "result");
    return settled;
  } catch (thrown) {
    return { thrown };
  }
}

function loggerOver(store: StorePort): Logger {
  const log = (level: keyof Logger) => (fields: object, message: string) =>
    store.send({ type: "log", level, fields, message });
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}
