/** Closing on SIGINT and SIGTERM, for an application that asks for it. */

const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * The first signal closes the application and then ends the process by that very signal, so that whoever sent it sees
 * so. A second one ends the process at once: the default action is back in place.
 */
export function closeOnSignals(app: { close(): Promise<void> }): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    for (const name of signals) process.removeListener(name, onSignal);
    const end = (): void => {
      process.kill(process.pid, signal);
    };
    app.close().then(end, end);
  };
  for (const name of signals) process.on(name, onSignal);
}
