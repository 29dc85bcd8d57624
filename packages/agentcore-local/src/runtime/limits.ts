/** How long things may take. */
export interface RuntimeLimits {
  /** An invocation, by the platform's clock. @default 15 minutes */
  readonly requestMs: number;
  /** One that an HTTP program answers with a stream of events, by the platform's clock. @default 60 minutes */
  readonly streamMs: number;
  /** A call through a gateway, by the platform's clock. @default 5 minutes */
  readonly gatewayMs: number;
  /** Until a program listens. Real time: a process is not faster because the clock is. @default 30 s */
  readonly startMs: number;
  /** From SIGTERM to SIGKILL. Real time. @default 15 s */
  readonly stopMs: number;
  /** Between two looks at `/ping`. Real time. @default 2 s */
  readonly pingMs: number;
  /** Of an invocation. @default 100 MB */
  readonly payloadBytes: number;
}

const minuteMs = 60_000;

export const defaultLimits: RuntimeLimits = {
  requestMs: 15 * minuteMs,
  streamMs: 60 * minuteMs,
  gatewayMs: 5 * minuteMs,
  startMs: 30_000,
  stopMs: 15_000,
  pingMs: 2_000,
  payloadBytes: 100 * 1024 * 1024,
};
