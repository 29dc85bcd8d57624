/** Which memory records are meant: by namespace, by strategy, and by metadata, all expressions of which must hold. */
import { z } from "zod";
import { oneOf, text } from "../constraints.ts";
import { MetadataKey } from "./event-shapes.ts";
import { Namespace } from "./ids.ts";

const characters = /^[a-zA-Z0-9\s._:/=+@-]*$/;

export const RecordMetadataValue = oneOf({
  stringValue: text(1, 256, characters),
  stringListValue: z
    .array(text(1, 64, characters))
    .min(1)
    .max(5),
  numberValue: z.number(),
  /** Seconds since 1970. */
  dateTimeValue: z.number(),
});

export type RecordMetadata = Readonly<Record<string, z.output<typeof RecordMetadataValue>>>;

const Expression = z
  .object({
    left: oneOf({ metadataKey: MetadataKey }),
    operator: z.enum([
      "EQUALS_TO",
      "EXISTS",
      "NOT_EXISTS",
      "BEFORE",
      "AFTER",
      "CONTAINS",
      "GREATER_THAN",
      "GREATER_THAN_OR_EQUALS",
      "LESS_THAN",
      "LESS_THAN_OR_EQUALS",
    ]),
    right: oneOf({ metadataValue: RecordMetadataValue }).optional(),
  })
  .superRefine(({ operator, right }, context) => {
    if (operator === "EXISTS" || operator === "NOT_EXISTS" || right !== undefined) return;
    context.addIssue({ code: "custom", path: ["right"], message: `Member must not be null for ${operator}` });
  });

export type RecordExpression = z.output<typeof Expression>;

export const MetadataFilters = z.array(Expression).min(1).max(5).optional();

/** Exactly one of the two: the namespace itself, or a path with all that lies below it. */
export const place = {
  namespace: Namespace.optional(),
  namespacePath: Namespace.optional(),
};

export function onePlace(
  { namespace, namespacePath }: { readonly namespace?: unknown; readonly namespacePath?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if ((namespace === undefined) !== (namespacePath === undefined)) return;
  const message = "Exactly one of namespace and namespacePath must be given";
  context.addIssue({ code: "custom", path: ["namespace"], message });
}

export interface RecordFilter {
  readonly namespace?: string | undefined;
  readonly namespacePath?: string | undefined;
  readonly memoryStrategyId?: string | undefined;
  readonly metadataFilters?: readonly RecordExpression[] | undefined;
}

export interface FilteredRecord {
  readonly namespaces: readonly string[];
  readonly strategyId: string | null;
  readonly metadata: RecordMetadata;
}

export function isMeant(filter: RecordFilter, record: FilteredRecord): boolean {
  const { namespace, namespacePath, memoryStrategyId, metadataFilters = [] } = filter;
  const isThere = record.namespaces.some((one) =>
    namespace === undefined ? isBelow(one, namespacePath ?? "") : one === namespace,
  );
  if (!isThere) return false;
  if (memoryStrategyId !== undefined && record.strategyId !== memoryStrategyId) return false;
  return metadataFilters.every((expression) => holds(expression, record.metadata));
}

/** By whole names: `/actor/ann` is not below `/actor/an`. */
function isBelow(namespace: string, path: string): boolean {
  const folder = path.endsWith("/") ? path : `${path}/`;
  return namespace === path || `${namespace}/`.startsWith(folder);
}

type Value = z.output<typeof RecordMetadataValue>;

function holds({ left, operator, right }: RecordExpression, metadata: RecordMetadata): boolean {
  const key = left.metadataKey ?? "";
  const found: Value | undefined = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  if (operator === "EXISTS") return found !== undefined;
  if (operator === "NOT_EXISTS") return found === undefined;
  const wanted = right?.metadataValue;
  if (found === undefined || wanted === undefined) return false;
  switch (operator) {
    case "EQUALS_TO":
      return JSON.stringify(found) === JSON.stringify(wanted);
    case "CONTAINS":
      return contains(found, wanted);
    case "BEFORE":
      return compare(found.dateTimeValue, wanted.dateTimeValue, (a, b) => a < b);
    case "AFTER":
      return compare(found.dateTimeValue, wanted.dateTimeValue, (a, b) => a > b);
    case "GREATER_THAN":
      return compare(found.numberValue, wanted.numberValue, (a, b) => a > b);
    case "GREATER_THAN_OR_EQUALS":
      return compare(found.numberValue, wanted.numberValue, (a, b) => a >= b);
    case "LESS_THAN":
      return compare(found.numberValue, wanted.numberValue, (a, b) => a < b);
    case "LESS_THAN_OR_EQUALS":
      return compare(found.numberValue, wanted.numberValue, (a, b) => a <= b);
  }
}

function compare(
  found: number | undefined,
  wanted: number | undefined,
  order: (found: number, wanted: number) => boolean,
): boolean {
  return found !== undefined && wanted !== undefined && order(found, wanted);
}

/** A list contains a string, or all of a list. */
function contains(found: Value, wanted: Value): boolean {
  const all = wanted.stringListValue ?? (wanted.stringValue === undefined ? [] : [wanted.stringValue]);
  return all.length > 0 && all.every((one) => found.stringListValue?.includes(one) === true);
}
