/** Which scenarios of the suite are run, and which of them are expected to fail, and why. */

export interface Scenario {
  readonly name: string;
  /** Of the protocol, where the suite knows more than one for this scenario. */
  readonly revision?: "2025-11-25" | "2026-07-28";
  /** Why it cannot pass. A scenario that passes although it says so is an error, too. */
  readonly expectedFailure?: string;
}

const tasks: readonly Scenario[] = [
  { name: "tasks-lifecycle" },
  { name: "tasks-capability-negotiation" },
  { name: "tasks-wire-fields" },
  { name: "tasks-request-state-removal" },
  { name: "tasks-request-headers" },
  { name: "tasks-dispatch-and-envelope" },
  { name: "tasks-required-task-error" },
  { name: "tasks-mrtr-input" },
  { name: "tasks-mrtr-composition" },
];

/** A call that ends with a question, and is made again with its answer: `input-required-result-…`. */
const rounds = [
  "basic-elicitation",
  "request-state",
  "multi-round",
  "missing-input-response",
  "result-type",
  "unsupported-methods",
  "tampered-state",
  "ignore-extra-params",
  "validate-input",
  // What is the SDK's alone: it is only seen to pass through.
  "basic-sampling",
  "basic-list-roots",
  "multiple-input-requests",
  "non-tool-request",
  "capability-check",
];

const transport: readonly Scenario[] = [
  { name: "http-header-validation" },
  { name: "server-stateless" },
  { name: "server-initialize", revision: "2025-11-25" },
  { name: "server-session-lifecycle", revision: "2025-11-25" },
  { name: "dns-rebinding-protection", revision: "2025-11-25" },
  { name: "dns-rebinding-protection", revision: "2026-07-28" },
];

/** In both generations. */
const tools = [
  "tools-list",
  "tools-call-simple-text",
  "tools-call-image",
  "tools-call-audio",
  "tools-call-embedded-resource",
  "tools-call-mixed-content",
  "tools-call-error",
  "tools-call-with-progress",
];

export const scenarios: readonly Scenario[] = [
  ...tasks,
  ...rounds.map((name): Scenario => ({ name: `input-required-result-${name}`, revision: "2026-07-28" })),
  ...transport,
  ...tools.map((name): Scenario => ({ name, revision: "2026-07-28" })),
  ...tools.map((name): Scenario => ({ name, revision: "2025-11-25" })),
  { name: "tools-call-with-logging", revision: "2025-11-25" },
  { name: "tools-call-sampling", revision: "2025-11-25" },
  { name: "tools-call-elicitation", revision: "2025-11-25" },
];
