/** `tokenizer.json`, checked: a known kind of model, ids in range, added tokens with a text. */
import type { AddedToken } from "./added_tokens.ts";
import { expectSteps } from "./steps.ts";

/** The parts of `tokenizer.json` that are looked at here; the rest is the library's. */
export interface Definition {
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly model: VocabularyModel;
  readonly added_tokens: readonly AddedToken[];
  readonly [key: string]: unknown;
}

/** The model: how a word becomes tokens. */
export interface VocabularyModel {
  readonly type?: unknown;
  /** Token → id, or (Unigram) a list of [token, score]. */
  readonly vocab: Record<string, unknown> | unknown[];
  readonly [key: string]: unknown;
}

/** Largest vocabulary accepted: eight times the largest in use (262144), so that no file decides how much is allocated. */
export const MAX_VOCABULARY = 2 ** 21;

const MODELS = ["BPE", "Unigram", "WordPiece", "WordLevel"];

/** Throws `TypeError` if the object does not describe a tokenizer. */
export function readDefinition(json: unknown): Definition {
  if (!isRecord(json) || !isRecord(json.model)) {
    throw new TypeError("Cannot build a tokenizer: tokenizer.json has no model, expected an object with one");
  }
  const { vocab, merges } = json.model;
  if (!isRecord(vocab) && !Array.isArray(vocab)) {
    throw new TypeError("Cannot build a tokenizer: the model has no vocabulary, expected model.vocab");
  }
  const type = modelType(json.model);
  if (!MODELS.includes(type as string)) {
    const found = type === undefined ? "missing" : JSON.stringify(type);
    throw new TypeError(
      `Cannot build a tokenizer: model.type is ${found}, expected one of ${MODELS.join(", ")}`,
    );
  }
  if (Array.isArray(vocab) !== (type === "Unigram")) {
    const expected = type === "Unigram" ? "a list of [token, score]" : "an object of ids";
    throw new TypeError(`Cannot build a tokenizer: the vocabulary of a ${type} model is not ${expected}`);
  }
  const isScored = (entry: unknown) =>
    Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number";
  if (Array.isArray(vocab) && !vocab.every(isScored)) {
    throw new TypeError("Cannot build a tokenizer: an entry of the vocabulary is not [token, score]");
  }
  if (type === "BPE" && !Array.isArray(merges)) {
    throw new TypeError("Cannot build a tokenizer: the BPE model has no merges, expected a list");
  }
  const isMerge = (merge: unknown) =>
    typeof merge === "string" || Array.isArray(merge) && merge.every((part) => typeof part === "string");
  const wrong = type === "BPE" ? (merges as unknown[]).findIndex((merge) => !isMerge(merge)) : -1;
  if (wrong >= 0) {
    const found = `merge ${wrong} is ${JSON.stringify((merges as unknown[])[wrong])?.slice(0, 80)}`;
    throw new TypeError(`Cannot build a tokenizer: ${found}, expected two tokens`);
  }
  const added = json.added_tokens ?? [];
  const isToken = (t: unknown) => isRecord(t) && typeof t.content === "string" && t.content !== "";
  if (!Array.isArray(added) || !added.every(isToken)) {
    throw new TypeError(
      "Cannot build a tokenizer: added_tokens is malformed, expected a list of { id, content }",
    );
  }
  expectSteps(json);
  return { ...json, model: { ...json.model, type }, added_tokens: added } as unknown as Definition;
}

/** Files from before 2021 do not say; their content does. */
function modelType({ type, vocab, merges, continuing_subword_prefix }: Record<string, unknown>): unknown {
  if (type !== undefined) return type;
  if (Array.isArray(vocab)) return "Unigram";
  if (Array.isArray(merges)) return "BPE";
  return typeof continuing_subword_prefix === "string" ? "WordPiece" : undefined;
}

/** One more than the largest id; every id is checked on the way. */
export function sizeOf({ model, added_tokens }: Definition): number {
  const { vocab } = model;
  let size = Array.isArray(vocab) ? vocab.length : 0;
  const take = (id: unknown, token: string) => {
    if (!isId(id)) {
      const found = `token ${JSON.stringify(token)} has id ${JSON.stringify(id)}`;
      throw new RangeError(`Cannot build a tokenizer: ${found}, expected an integer below ${MAX_VOCABULARY}`);
    }
    if (id >= size) size = id + 1;
  };
  if (!Array.isArray(vocab)) {
    for (const token in vocab) take(vocab[token], token);
  }
  for (const { id, content } of added_tokens) take(id, content);
  return size;
}

/** Token → id over the vocabulary and the added tokens, looked up without copying the vocabulary. */
export function idsByToken({ model, added_tokens }: Definition): (token: string) => unknown {
  const added = new Map(added_tokens.map(({ id, content }) => [content, id]));
  const { vocab } = model;
  return (token) => {
    if (added.has(token)) return added.get(token);
    if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined;
    const index = vocab.findIndex((entry) => Array.isArray(entry) && entry[0] === token);
    return index < 0 ? undefined : index;
  };
}

export const isId = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_VOCABULARY;

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
