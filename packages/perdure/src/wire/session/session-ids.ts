/**
 * The ids of a session context, as AgentCore Memory's model has them. They are checked before any work starts: a result
 * that takes an hour is not to find out afterwards that its session cannot be.
 */
import { quote } from "../../task/errors.ts";
import type { SessionContext } from "../../task/record.ts";

export type SessionField = keyof SessionContext;
export const sessionFields: readonly SessionField[] = ["session", "memory", "actor"];

interface Rule {
  readonly pattern: RegExp;
  readonly min: number;
  readonly max: number;
}

const rules: Readonly<Record<SessionField, Rule>> = {
  session: { pattern: /^[a-zA-Z0-9][a-zA-Z0-9-_]*$/, min: 1, max: 100 },
  memory: {
    pattern:
      /^(?:arn:(?:aws|aws-cn|aws-us-gov):bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:memory\/)?[a-zA-Z][a-zA-Z0-9-_]{0,99}-[a-zA-Z0-9]{10}$/,
    min: 12,
    max: 2_048,
  },
  actor: {
    pattern: /^[a-zA-Z0-9][a-zA-Z0-9-_/]*(?::[a-zA-Z0-9-_/]+)*[a-zA-Z0-9-_/]*$/,
    min: 1,
    max: 255,
  },
};

const quotedLength = 60;

/** What is wrong with an id; `undefined`: nothing. */
export function idProblem(field: SessionField, value: unknown): string | undefined {
  const { pattern, min, max } = rules[field];
  if (typeof value !== "string") return `a string was expected, ${quote(value)} came`;
  // The length first: a pattern is not tried on what may be as long as a request.
  const fits = value.length >= min && value.length <= max && pattern.test(value);
  if (fits) return undefined;
  const shown = value.length <= quotedLength ? value : `${value.slice(0, quotedLength)}…`;
  return (
    `${min} to ${max} characters of the pattern ${pattern.source} were expected, ` +
    `${quote(shown.toWellFormed())} came (${value.length} characters)`
  );
}
