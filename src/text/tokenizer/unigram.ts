/** The Unigram model: of all ways to cut a word into tokens, the one with the highest sum of scores (Viterbi). */
import type { VocabularyModel } from "./definition.ts";

/** An unknown character's score is so far below the lowest of the tokens. */
const UNKNOWN_PENALTY = 10;

/** Longest token that is looked for, in UTF-16 units; those in use have at most 48. */
const MAX_LENGTH = 512;

/**
 * The ids of one word. Unknown characters become one unknown token, as many as stand together, or with `byte_fallback` their
 * bytes. A token without a finite score is not looked for. Throws `TypeError` where the unknown token is none of them.
 */
export function unigram({ vocab, unk_id, byte_fallback }: VocabularyModel): (word: string) => number[] {
  const [ids, scores] = [new Map<string, number>(), new Map<string, number>()];
  (vocab as [string, number | null][]).forEach(([token, score], id) => {
    if (!ids.has(token)) ids.set(token, id);
    if (score !== null && Number.isFinite(score) && token !== "") scores.set(token, score);
  });
  if (typeof unk_id === "number" && !(vocab as unknown[])[unk_id]) {
    throw new TypeError(`Cannot build a tokenizer: unk_id is ${unk_id}, expected one of ${ids.size} tokens`);
  }
  const lengths = [
    ...new Set(scores.keys().map((token) => token.length).filter((length) => length <= MAX_LENGTH)),
  ]
    .sort((a, b) => a - b);
  const lowest = scores.values().reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY;

  function fallback(text: string): number[] {
    const bytes = byte_fallback
      ? Array.from(
        new TextEncoder().encode(text),
        (byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
      )
      : [];
    if (byte_fallback && bytes.every((id) => id !== undefined)) return bytes as number[];
    if (typeof unk_id === "number") return [unk_id];
    throw new TypeError(
      `Cannot use the tokenizer: the vocabulary has no ${
        JSON.stringify(text)
      }, expected a token for unknown text`,
    );
  }

  return (word) => {
    const best = new Float64Array(word.length + 1).fill(-Infinity);
    const from = new Int32Array(word.length + 1);
    const known = new Uint8Array(word.length + 1);
    best[0] = 0;
    const reach = (start: number, end: number, score: number, isKnown: number) => {
      if (best[start] + score <= best[end]) return;
      [best[end], from[end], known[end]] = [best[start] + score, start, isKnown];
    };
    for (let start = 0; start < word.length;) {
      const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      for (const length of lengths) {
        const end = start + length;
        if (end > word.length) break;
        const score = scores.get(word.slice(start, end));
        if (score !== undefined) reach(start, end, score, 1);
      }
      if (!scores.has(word.slice(start, next))) reach(start, next, lowest, 0);
      start = next;
    }
    const parts: { text: string; known: boolean }[] = [];
    for (let end = word.length; end > 0; end = from[end]) {
      const text = word.slice(from[end], end), isKnown = known[end] === 1;
      const later = parts.at(-1);
      if (!isKnown && later && !later.known) later.text = text + later.text;
      else parts.push({ text, known: isKnown });
    }
    return parts.reverse().flatMap(({ text, known }) => known ? [ids.get(text)!] : fallback(text));
  };
}
