/**
 * Where a long text may be cut before it is tokenised: the ids of the parts, one after another, are those of the whole.
 *
 * A place is sure if no step of the tokenizer looks or joins across it. The place used is the space behind a letter
 * ("word| next"; with words found by a pattern, the line break too), because there
 *
 * - normalisers that change one character at a time, or compose characters, work on each side alone;
 * - the patterns by which known pre-tokenizers find words end one and begin the next;
 * - a model without such a pre-tokenizer (SentencePiece's BPE) merges only up to it, if no merge joins a letter and
 *   the sign for a space behind it;
 * - no added token has it inside, or takes or refuses the space beside it.
 *
 * Each is checked for the given tokenizer. If it has anything else, no place is sure, and a text is tokenised whole.
 */
import type { AddedToken } from "./added_tokens.ts";
import { isRecord } from "../../entry/mod.ts";
import type { Definition, VocabularyModel } from "./definition.ts";
import { CJK_RUN, ONE, UP_TO_3, WORD_PATTERNS } from "./word_patterns.ts";

/** The last sure place of a text at `from` or later; 0 where there is none. */
type FindCut = (text: string, from?: number) => number;

/** No match has white space, or looks beyond itself. */
const RUN_PATTERNS = new Set([CJK_RUN, ONE, UP_TO_3, "\\p{N}+", "\\d", "\\d+", "[0-9]", "[0-9]+"]);

/** What is known of the place after the steps so far. */
interface Place {
  /** What the space is now; null where the text is bytes. */
  readonly space: string | null;
  readonly cut: boolean;
  /** Whether the letter is still a letter: else it may be one with a mark behind it. */
  readonly letter: boolean;
  /** Whether a line break would do as well as the space. */
  readonly line: boolean;
}

/** The places that are sure for a tokenizer; `spellings` are those of its added tokens. */
export function cutFinder(definition: Definition, spellings: readonly string[]): FindCut {
  const { normalizer, pre_tokenizer, model, added_tokens } = definition;
  const start: Place = { space: " ", cut: false, letter: true, line: true };
  const normalised = step(normalizer ?? null, start, normalise);
  const place = normalised && step(pre_tokenizer ?? null, normalised, preTokenise);
  const sure = normalised && place && (place.cut || (place.letter && mergesApart(model, place.space))) &&
    added_tokens.every((token) => isApart(token, token.content, normalised.space)) &&
    spellings.every((spelling) => !/\p{L}[ \n]/u.test(spelling) && !joins(spelling, normalised.space));
  if (!sure) return () => 0;
  const spaces = place.cut && place.letter && place.line ? " \n" : " ";
  return (text, from = 0) => {
    for (let at = text.length - 1; at >= Math.max(1, from); at--) {
      if (spaces.includes(text[at]) && endsWithLetter(text.slice(Math.max(0, at - 2), at))) return at;
    }
    return 0;
  };
}

const endsWithLetter = (text: string) => /\p{L}$/u.test(text);

const joins = (text: string, space: string | null) =>
  space !== null && space !== "" && text.split(space).slice(0, -1).some(endsWithLetter);

function isApart({ rstrip, single_word }: AddedToken, spelling: string, space: string | null): boolean {
  if (/\p{L}[ \n]/u.test(spelling) || joins(spelling, space)) return false;
  return !(rstrip && endsWithLetter(spelling)) && !(single_word && /^\s/u.test(spelling));
}

type Effect = (step: Record<string, unknown>, place: Place) => Place | null;

/** Steps one after another; null as soon as one is not known. */
function step(given: unknown, place: Place, effect: Effect): Place | null {
  if (given === null) return place;
  if (!isRecord(given)) return null;
  if (given.type !== "Sequence") return effect(given, place);
  const inner = given.normalizers ?? given.pretokenizers;
  if (!Array.isArray(inner)) return null;
  return inner.reduce((before: Place | null, next) => before && step(next, before, effect), place);
}

function normalise({ type, pattern, content }: Record<string, unknown>, place: Place): Place | null {
  switch (type) {
    case "NFC":
    case "Prepend":
      return place;
    case "NFD":
    case "NFKC":
    case "NFKD":
    case "Lowercase":
    case "StripAccents":
      return { ...place, letter: false };
    case "Replace": {
      const from = isRecord(pattern) ? pattern.String : undefined;
      if (typeof from !== "string" || [...from].length !== 1 || typeof content !== "string") return null;
      if (from !== place.space) return { ...place, letter: place.letter && !/[\p{L}\n]/u.test(from) };
      return [...content].length === 1 ? { ...place, space: content, line: false } : null;
    }
    default:
      return null;
  }
}

function preTokenise(given: Record<string, unknown>, place: Place): Place | null {
  const { type, add_prefix_space, use_regex, behavior = "Isolated", replacement = "▁", split, str_rep } =
    given;
  const isSpace = place.space === " ";
  switch (type) {
    case "Digits":
      return place;
    case "Punctuation":
      return behavior === "Isolated" || behavior === "Removed" || behavior === "Contiguous" ? place : null;
    case "Whitespace":
    case "WhitespaceSplit":
    case "BertPreTokenizer":
      return isSpace ? { ...place, cut: true } : null;
    case "ByteLevel": {
      const finds = use_regex !== false;
      if (finds && !isSpace && !place.cut) return null;
      return { ...place, space: null, cut: place.cut || finds, line: place.line && !add_prefix_space };
    }
    case "Metaspace":
      if (str_rep !== undefined && str_rep !== replacement) return null;
      if (typeof replacement !== "string" || (!isSpace && place.space !== replacement)) return null;
      return { ...place, space: replacement, cut: place.cut || split !== false, line: false };
    case "Split":
      return splits(given, place);
    default:
      return null;
  }
}

function splits({ pattern, behavior, invert }: Record<string, unknown>, place: Place): Place | null {
  const { Regex, String: text } = isRecord(pattern) ? pattern : {};
  const isolates = behavior === "Isolated" && !invert;
  if (typeof Regex === "string") {
    if (RUN_PATTERNS.has(Regex) && isolates) return place;
    const findsWords = WORD_PATTERNS.has(Regex) && (isolates || (behavior === "Removed" && invert === true));
    return findsWords && place.space === " " ? { ...place, cut: true } : null;
  }
  if (typeof text !== "string" || text.length !== 1 || /[\p{L}\n]/u.test(text) || invert) return null;
  if (text !== place.space) return place;
  return isolates || behavior === "Removed" ? { ...place, cut: true } : null;
}

/** Whether a model that is given everything at once never merges the letter with the space behind it. */
function mergesApart({ type, vocab, merges, ...options }: VocabularyModel, space: string | null): boolean {
  if (type !== "BPE" || space === null || !Array.isArray(merges) || !Object.hasOwn(vocab, space)) {
    return false;
  }
  if (options.ignore_merges || options.end_of_word_suffix || options.continuing_subword_prefix) return false;
  return merges.every((merge) => {
    const [left, right] = typeof merge === "string" ? merge.split(" ", 2) : merge;
    return !(String(right).startsWith(space) && endsWithLetter(String(left)));
  });
}
