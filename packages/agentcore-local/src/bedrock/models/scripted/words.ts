/** Words, as far as the scripted model compares them: without case, without the commonest endings. */

export function stems(text: string): Set<string> {
  const words = text
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .match(/[a-z]{3,}/g);
  return new Set((words ?? []).map(stem));
}

function stem(word: string): string {
  const bare = word.replace(/(ings?|ers?|ed|es|s)$/, "");
  return bare.length < 3 ? word : bare;
}

export function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  return [...one].filter((word) => other.has(word)).length;
}

/** A request to do something, and no question after what was done. */
export function isRequest(prompt: string): boolean {
  if (/\b(can|could|would|will) you\b|\bplease\b/i.test(prompt) && !/\b(tell|show|say)\b/i.test(prompt))
    return true;
  const asks =
    /^\W*(how|what|why|when|who|which|where|did|do|does|is|are|was|were|has|have|had|any|tell|show|report)\b/i;
  return !asks.test(prompt) && !prompt.trim().endsWith("?");
}
