/**
 * Search by words, and no more. The service searches by meaning ("car" finds "automobile"); here a text is found when it
 * has words of the query, and its score is the share of them that it has. Good enough to see that a record arrives;
 * no measure of how well it would be found.
 */

/** On every answer to a search, so that nobody takes it for the service's. */
export const searchHeader = { "x-agentcore-local-search": "by words, not by meaning" } as const;

/** From 0 (no word in common) to 1 (all words of the query). */
export function score(query: string, text: string): number {
  const wanted = words(query);
  if (wanted.size === 0) return 0;
  const present = words(text);
  const found = [...wanted].filter((word) => present.has(word));
  return found.length / wanted.size;
}

function words(text: string): Set<string> {
  return new Set(
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu),
  );
}
