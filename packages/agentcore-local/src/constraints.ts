/**
 * The constraints of the service's model as schemas, and what a refused request is told, in the words of the service
 * where they are known. A value that was refused is not repeated: it may be long, and it may be private.
 */
import { z } from "zod";
import { type InvalidField, validationError } from "./service-error.ts";

/** A string's length counts characters (code points), as the service's model and Python do; not UTF-16 units. */
export function text(min: number, max: number, pattern?: RegExp) {
  return z.string().superRefine((value, context) => {
    const said = lengthError(value, min, max) ?? patternError(value, pattern);
    if (said !== undefined) context.addIssue(said);
  });
}

function lengthError(value: string, min: number, max: number): string | undefined {
  if (value.length < min) return `Member must have length greater than or equal to ${min}`;
  if (value.length <= max || Array.from(value).length <= max) return undefined;
  return `Member must have length less than or equal to ${max}`;
}

function patternError(value: string, pattern: RegExp | undefined): string | undefined {
  if (pattern === undefined || pattern.test(value)) return undefined;
  return `Member must satisfy regular expression pattern: ${pattern.source.replace(/^\^(.*)\$$/s, "$1")}`;
}

/** A union of the model: an object with exactly one of these members. */
export function oneOf<Members extends Readonly<Record<string, z.ZodType>>>(members: Members) {
  const names = Object.keys(members);
  const partial = z.object(members).partial();
  return partial.superRefine((value, context) => {
    if (Object.keys(value).length === 1) return;
    context.addIssue(`Member must have exactly one of: [${names.join(", ")}]`);
  });
}

/** A map of the model, with at most so many entries. */
export function map<Value extends z.ZodType>(
  key: z.ZodType<string, string>,
  value: Value,
  min: number,
  max: number,
) {
  return z.record(key, value).superRefine((entries, context) => {
    const count = Object.keys(entries).length;
    if (count < min) context.addIssue(`Member must have length greater than or equal to ${min}`);
    if (count > max) context.addIssue(`Member must have length less than or equal to ${max}`);
  });
}

/** @throws ServiceError `ValidationException`, which names every field that is wrong. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.flatMap((issue) => fieldsOf(issue));
  const told = fields.map(
    ({ name, message }) => `Value at '${name}' failed to satisfy constraint: ${message}`,
  );
  const count = `${fields.length} validation error${fields.length === 1 ? "" : "s"} detected`;
  throw validationError(`${count}: ${told.join("; ")}`, "FieldValidationFailed", fields);
}

type Issue = z.core.$ZodIssue;

function fieldsOf(issue: Issue): InvalidField[] {
  const name = issue.path.join(".");
  if (issue.code !== "invalid_key") return [{ name, message: constraint(issue) }];
  return issue.issues.map((inner) => ({ name, message: `Map keys: ${constraint(inner)}` }));
}

function constraint(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? "Member must not be null"
        : `Member must be of type ${issue.expected}`;
    case "invalid_value":
      return `Member must satisfy enum value set: [${issue.values.join(", ")}]`;
    case "too_small":
      return `Member must have ${quantity(issue.origin)} greater than or equal to ${issue.minimum}`;
    case "too_big":
      return `Member must have ${quantity(issue.origin)} less than or equal to ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function quantity(origin: string): string {
  return origin === "number" || origin === "int" ? "value" : "length";
}
