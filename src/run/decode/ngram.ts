/**
 * Tokens that a text itself proposes: those that followed its last tokens where these stood before. No model runs for them
 * ("prompt lookup decoding": Saxena, github.com/apoorvumang/prompt-lookup-decoding, 2023).
 */

/** Tokens of the longest match that is looked for. */
const LONGEST = 3;

/**
 * The `tokens` ids behind the latest earlier place of the longest match with the end of the text, of up to three tokens; a match that
 * reaches into its own continuation repeats it. None where the last token never stood before.
 */
export function ngramDraft(ids: readonly number[], tokens: number): number[] {
  for (let n = Math.min(LONGEST, ids.length - 1); n > 0; n--) {
    for (let end = ids.length - 1; end >= n; end--) {
      if (!matches(ids, end, n)) continue;
      const drafted: number[] = [];
      for (let i = end; drafted.length < tokens; i++) drafted.push(ids[i] ?? drafted[i - ids.length]);
      return drafted;
    }
  }
  return [];
}

/** Whether the `n` tokens before `end` are the last ones of the text. */
function matches(ids: readonly number[], end: number, n: number): boolean {
  for (let i = 1; i <= n; i++) if (ids[end - i] !== ids[ids.length - i]) return false;
  return true;
}
