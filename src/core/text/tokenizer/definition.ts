/** `tokenizer.json`, checked: a known kind of model, ids in range, added tokens with a text. */
import { isRecord, refusal, shown } from "../../entry/mod.ts";
import type { AddedToken } from "./added_tokens.ts";

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

/** Throws `TypeError`, which names the field, if the object does not describe a tokenizer. */
export function readDefinition(json: unknown): Definition {
  const { model, ...others } = isRecord(json) ? json : {};
  const added_tokens = others.added_tokens ?? [];
  demand(isRecord(model), "model", model, "an object");
  const { vocab, merges } = model;
  const type = modelType(model);
  demand(MODELS.includes(type as string), "model.type", type, `one of ${MODELS.join(", ")}`);
  if (type === "Unigram") demandEach(vocab, isScored, "model.vocab", "[token, score]");
  else demand(isRecord(vocab), "model.vocab", vocab, "an object of ids");
  if (type === "BPE") demandEach(merges, isMerge, "model.merges", "two tokens", "merges");
  demandEach(added_tokens, isToken, "added_tokens", "{ id, content }");
  expectSteps(json as Record<string, unknown>);
  return { ...json as object, model: { ...model, type }, added_tokens } as unknown as Definition;
}

const isScored = (entry: unknown) =>
  Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number";
const isMerge = (merge: unknown) =>
  typeof merge === "string" ||
  Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
const isToken = (token: unknown) =>
  isRecord(token) && typeof token.content === "string" && token.content !== "";

function demandEach(
  list: unknown,
  fits: (entry: unknown) => boolean,
  field: string,
  expected: string,
  entries = expected,
): void {
  demand(Array.isArray(list), field, list, `a list of ${entries}`);
  const wrong = list.findIndex((entry) => !fits(entry));
  demand(wrong < 0, `${field}[${wrong}]`, list[wrong], expected);
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
      const found = `token ${shown(token)} has id ${shown(id)}`;
      throw refusal(RangeError, "build a tokenizer", `${found}, expected an integer below ${MAX_VOCABULARY}`);
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

/** A part, and the field in which a sequence of its steps lists them. */
const PARTS = { normalizer: "normalizers", pre_tokenizer: "pretokenizers", decoder: "decoders" } as const;
/** Steps that look for a pattern. */
const SEARCHES = ["Split", "Replace"];

/** Throws `TypeError` that names the field where a step lacks a type, a sequence its steps, a search its pattern, or a piece its length. */
function expectSteps(json: Readonly<Record<string, unknown>>): void {
  for (const [part, list] of Object.entries(PARTS)) {
    if (json[part] !== undefined && json[part] !== null) expectStep(json[part], part, list);
  }
}

function expectStep(step: unknown, where: string, list: string): void {
  const { type, pattern, content, length, [list]: inner } = (step ?? {}) as Record<string, unknown>;
  demand(typeof type === "string", where, step, "an object with a type");
  if (type === "Sequence") {
    demand(Array.isArray(inner), `${where}.${list}`, inner, "a list of steps");
    inner.forEach((one, i) => expectStep(one, `${where}.${list}[${i}]`, list));
  }
  if (type === "FixedLength") { // of 0 there would be pieces without end
    demand(
      Number.isSafeInteger(length) && Number(length) > 0,
      `${where}.length`,
      length,
      "1 or more characters",
    );
  }
  if (!SEARCHES.includes(type)) return;
  const { String, Regex } = (pattern ?? {}) as Record<string, unknown>;
  demand(typeof (Regex ?? String) === "string", `${where}.pattern`, pattern, "a text under String or Regex");
  if (type === "Replace") demand(typeof content === "string", `${where}.content`, content, "a text");
}

/** Throws `TypeError` that names the field where a value does not fit. */
function demand(fits: boolean, field: string, value: unknown, expected: string): asserts fits {
  if (fits) return;
  throw refusal(TypeError, "build a tokenizer", `${field} is ${shown(value)}, expected ${expected}`);
}
