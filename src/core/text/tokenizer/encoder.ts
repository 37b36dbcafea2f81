/**
 * From a text to ids, step by step as Hugging Face's own library takes them: added tokens that are looked for in the
 * text as it is, the normaliser, added tokens of the normalised text, the pre-tokenizer, and the model on every word.
 *
 * The steps inside are those of `@huggingface/tokenizers`; the way through them is ours, because the library's knows no
 * `single_word` tokens, has JavaScript's white space, takes added tokens for words of the model, and joins unknown
 * words.
 */
import type { Tokenizer as Engine } from "@huggingface/tokenizers";
import * as Tokenizers from "@huggingface/tokenizers";
import { type Section, tokenFinder } from "./added_tokens.ts";
import { isRecord, oneLine, refusal, shown } from "../../entry/mod.ts";
import { bounded } from "./growth.ts";
import { type Definition, isId, type VocabularyModel } from "./definition.ts";
import { repairDecoder, repairNormalizer, repairPreTokenizer, withoutPrefix } from "./repair.ts";

/** Builds the steps. Throws `TypeError` for one that is not supported. */
export function buildEncoder(definition: Definition) {
  const engine = startEngine(definition);
  const { added_tokens, normalizer } = definition;
  const normalise = (text: string) => engine.normalizer === null ? text : engine.normalizer.normalize(text);
  const continuing = bounded(
    "normalizer",
    new Tokenizers.SequenceNormalizer({
      type: "Sequence",
      normalizers: [withoutPrefix(repairNormalizer(normalizer))].filter((step) => step !== null),
    } as never),
  );
  const isNormalised = ({ normalized, special }: typeof added_tokens[number]) => normalized ?? !special;
  const normalised = added_tokens.filter(isNormalised).map((token) =>
    [normalise(token.content), token] as const
  );
  const plain = added_tokens.filter((token) => !isNormalised(token)).map((token) =>
    [token.content, token] as const
  );
  const [findPlain, findNormalised] = [tokenFinder(plain), tokenFinder(normalised)];
  const idsOfWord = wordModel(definition, engine);

  return {
    /** An added token's spelling in the text that is searched for it. */
    spellings: [...plain, ...normalised].map(([spelling]) => spelling),
    /** Ids of a text; `continued` if it continues another one, so that no prefix is added. */
    encode: (text: string, continued: boolean): number[] =>
      idsOfSections(findPlain(text), (outer) => {
        const isContinued = continued && outer.start === 0;
        const inside = isContinued ? continuing.normalize(outer.text) : normalise(outer.text);
        return idsOfSections(findNormalised(inside), ({ text, start }) => {
          // Some pre-tokenizers treat the beginning of a text, section 0, in a way of its own.
          const section_index = !isContinued && outer.start === 0 && start === 0 ? 0 : 1;
          const words = engine.pre_tokenizer?.pre_tokenize(text, { section_index }) ?? [text];
          return words.flatMap(idsOfWord);
        });
      }),
    /** The text of at least one id. */
    decode: (ids: readonly number[]): string =>
      engine.decode([...ids], { clean_up_tokenization_spaces: false }),
  };
}

/** Ids of a text cut at its added tokens; `idsOf` gives those of what lies between. */
function idsOfSections(
  sections: readonly Section[],
  idsOf: (between: { readonly text: string; readonly start: number }) => number[],
): number[] {
  return sections.flatMap((section) => "id" in section ? [section.id] : idsOf(section));
}

/** Most characters of what the library says of a step, which it cites whole. */
const MOST = 200;

/** The post-processor only places special tokens, which `encode` never adds: it is left out. */
function startEngine(definition: Definition): Engine {
  const steps = {
    ...definition,
    model: engineModel(definition.model),
    normalizer: repairNormalizer(definition.normalizer),
    pre_tokenizer: repairPreTokenizer(definition.pre_tokenizer ?? null),
    decoder: repairDecoder(definition.decoder),
    post_processor: null,
  };
  try {
    const engine = new Tokenizers.Tokenizer(steps, {});
    for (const part of ["normalizer", "pre_tokenizer", "decoder"] as const) bounded(part, engine[part]);
    return engine;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refusal(TypeError, "build a tokenizer", oneLine(why, MOST));
  }
}

/** The library has no WordLevel, and its Unigram no bytes: of theirs only the vocabulary is used, to decode. */
function engineModel(model: VocabularyModel): object {
  const { type, vocab } = model;
  if (type === "WordLevel") return { ...model, type: "BPE", merges: [] };
  if (type !== "Unigram") return model;
  const ids = Object.fromEntries((vocab as [string][]).map(([token], id) => [token, id]));
  return { type: "BPE", vocab: ids, merges: [] };
}

function wordModel({ model, added_tokens }: Definition, engine: Engine): (word: string) => number[] {
  const { vocab, type, unk_token } = model;
  if (type === "Unigram") return unigram(model);
  if (type === "WordLevel") {
    const ids = vocab as Record<string, number>;
    const unknown = typeof unk_token === "string" && Object.hasOwn(ids, unk_token)
      ? ids[unk_token]
      : undefined;
    return (word) => {
      const id = Object.hasOwn(ids, word) ? ids[word] : unknown;
      if (id !== undefined) return [id];
      throw unknownWord(word, unk_token);
    };
  }
  const inner = engine.model!;
  // The library adds the added tokens to the model's vocabulary; in the original they are no part of it.
  for (const { content } of added_tokens) {
    const own = isRecord(vocab)
      ? (Object.hasOwn(vocab, content) ? vocab[content] : undefined)
      : inner.tokens_to_ids.get(content);
    if (isId(own)) inner.tokens_to_ids.set(content, own);
    else inner.tokens_to_ids.delete(content);
  }
  return kept((word) =>
    inner._call([word]).map((token) => {
      const id = inner.tokens_to_ids.get(token) ?? inner.unk_token_id;
      if (id !== undefined) return id;
      throw unknownWord(token, unk_token);
    })
  );
}

/** As Hugging Face's library: a missing word or its part, where the token for unknown ones is missing too. */
function unknownWord(word: unknown, token: unknown): TypeError {
  const found = `the vocabulary has neither ${shown(word)} nor ${shown(token)}`;
  return refusal(TypeError, "use the tokenizer", `${found}, expected a token for unknown words`);
}

/** Most words whose ids are kept, and the longest of them. */
const [KEPT, LONGEST] = [10_000, 256];

/** Keeps the ids of words that come again. The library's store does so too, but moves an entry at each use, which takes most of the time. */
function kept(idsOf: (word: string) => number[]): (word: string) => number[] {
  const known = new Map<string, number[]>();
  return (word) => {
    const found = known.get(word);
    if (found) return found;
    const ids = idsOf(word);
    if (word.length > LONGEST) return ids;
    if (known.size === KEPT) known.clear();
    known.set(word, ids);
    return ids;
  };
}

/** An unknown character's score is so far below the lowest of the tokens. */
const UNKNOWN_PENALTY = 10;

/** Longest token that is looked for, in UTF-16 units; those in use have at most 48. */
const MAX_LENGTH = 512;

/**
 * The ids of one word in the Unigram model: of all ways to cut it into tokens, the one with the highest sum of scores (Viterbi). Unknown
 * characters become one unknown token, as many as stand together, or with `byte_fallback` their bytes. A token without a finite score is
 * not looked for. Throws `TypeError` where the unknown token is none of them.
 */
function unigram({ vocab, unk_id, byte_fallback }: VocabularyModel): (word: string) => number[] {
  const [ids, scores] = [new Map<string, number>(), new Map<string, number>()];
  (vocab as [string, number | null][]).forEach(([token, score], id) => {
    if (!ids.has(token)) ids.set(token, id);
    if (score !== null && Number.isFinite(score) && token !== "") scores.set(token, score);
  });
  if (typeof unk_id === "number" && !(vocab as unknown[])[unk_id]) {
    throw refusal(TypeError, "build a tokenizer", `unk_id is ${unk_id}, expected one of ${ids.size} tokens`);
  }
  const all = new Set(scores.keys().map((token) => token.length));
  const lengths = [...all].filter((length) => length <= MAX_LENGTH).sort((a, b) => a - b);
  const lowest = scores.values().reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY;

  function fallback(text: string): number[] {
    const idOf = (byte: number) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    const bytes = byte_fallback ? Array.from(new TextEncoder().encode(text), idOf) : [undefined];
    if (bytes.every((id) => id !== undefined)) return bytes;
    if (typeof unk_id === "number") return [unk_id];
    const why = `the vocabulary has no ${shown(text)}, expected a token for unknown text`;
    throw refusal(TypeError, "use the tokenizer", why);
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
