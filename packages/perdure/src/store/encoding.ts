/** Values as they are kept: every store writes the same texts. */
import { encodeJson } from "../task/json.ts";
import type { RecordOperation } from "./store.ts";

export function encodeOutcome(operation: RecordOperation): string | undefined {
  switch (operation.state) {
    case "done":
      return encodeJson(operation.value, `the result of ${operation.kind} ${JSON.stringify(operation.name)}`);
    case "failed":
      return encodeJson(operation.failure, "failure");
    case "attempted":
      return undefined;
  }
}
