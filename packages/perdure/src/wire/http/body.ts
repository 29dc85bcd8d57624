/** The body of a request, read within limits and parsed once. */
import type { HttpRequest } from "./request.ts";

export interface BodyLimits {
  readonly maxBodyBytes: number;
  /** How deep objects and arrays may stand in each other. */
  readonly maxNesting: number;
}

export type Body =
  | { readonly kind: "json"; readonly value: unknown }
  /** Not JSON: the text, for whoever refuses it. */
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "too large" }
  | { readonly kind: "too deep" };

export async function readJson(request: HttpRequest, limits: BodyLimits): Promise<Body> {
  const text = await request.readBody(limits.maxBodyBytes);
  if (text === undefined) return { kind: "too large" };
  if (nesting(text) > limits.maxNesting) return { kind: "too deep" };
  try {
    return { kind: "json", value: JSON.parse(text) as unknown };
  } catch {
    return { kind: "text", text };
  }
}

/** How deep brackets stand in each other outside of strings: found before a parser recurses over them. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}
