/**
 * A signal that looks for news when it is looked at. A loop that never yields hears nothing: the message that its task
 * was cancelled lies on the port, and no turn of the event loop comes to take it. But it can ask `signal.aborted`.
 */
export function polledSignal(signal: AbortSignal, poll: () => void): AbortSignal {
  const look = (): boolean => {
    poll();
    return Reflect.get(AbortSignal.prototype, "aborted", signal);
  };
  return Object.defineProperties(signal, {
    aborted: { get: look },
    throwIfAborted: {
      value: () => {
        if (look()) throw signal.reason;
      },
    },
  });
}
