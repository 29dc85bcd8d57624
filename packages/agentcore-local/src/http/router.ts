/** Finds the operation for a method and a path. Labels are decoded after the path is split: ids may hold a slash. */
import type { Operation } from "../operation.ts";

export interface Match {
  readonly operation: Operation;
  readonly labels: Readonly<Record<string, string>>;
}

export class Router {
  readonly #routes: readonly { readonly operation: Operation; readonly segments: readonly string[] }[];

  constructor(operations: readonly Operation[]) {
    this.#routes = operations.map((operation) => ({ operation, segments: operation.path.split("/") }));
  }

  /** @throws URIError for a path that is no valid percent-encoding */
  find(method: string | undefined, path: string): Match | undefined {
    const segments = path.split("/");
    for (const route of this.#routes) {
      if (route.operation.method !== method) continue;
      const labels = labelsOf(route.segments, segments);
      if (labels !== undefined) return { operation: route.operation, labels };
    }
    return undefined;
  }
}

function labelsOf(template: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  if (template.length !== path.length) return undefined;
  const labels: Record<string, string> = {};
  for (const [i, expected] of template.entries()) {
    const found = path[i] ?? "";
    if (expected.startsWith("{")) labels[expected.slice(1, -1)] = decodeURIComponent(found);
    else if (expected !== found) return undefined;
  }
  return labels;
}
