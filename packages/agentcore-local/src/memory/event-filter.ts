/** The filter of `ListEvents` by metadata: all of its expressions must hold. */
import { z } from "zod";
import { oneOf } from "../constraints.ts";
import { MetadataKey, MetadataValue } from "./event-shapes.ts";
import { BranchName } from "./ids.ts";

const Expression = z
  .object({
    left: oneOf({ metadataKey: MetadataKey }),
    operator: z.enum(["EQUALS_TO", "EXISTS", "NOT_EXISTS"]),
    right: oneOf({ metadataValue: MetadataValue }).optional(),
  })
  .superRefine(({ operator, right }, context) => {
    if (operator !== "EQUALS_TO" || right !== undefined) return;
    context.addIssue({ code: "custom", path: ["right"], message: "Member must not be null for EQUALS_TO" });
  });

export const EventFilter = z.object({
  branch: z.object({ name: BranchName, includeParentBranches: z.boolean().default(false) }).optional(),
  eventMetadata: z.array(Expression).min(1).max(5).optional(),
});

export type MetadataExpression = z.output<typeof Expression>;

export type StoredMetadata = Readonly<Record<string, { readonly stringValue: string }>>;

export function holds({ left, operator, right }: MetadataExpression, metadata: StoredMetadata): boolean {
  const key = left.metadataKey ?? "";
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  switch (operator) {
    case "EXISTS":
      return value !== undefined;
    case "NOT_EXISTS":
      return value === undefined;
    case "EQUALS_TO":
      return value !== undefined && value.stringValue === right?.metadataValue?.stringValue;
  }
}
