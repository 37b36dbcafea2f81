/**
 * Text ↔ token ids, as Hugging Face's fast tokenizers do it.
 *
 * A tokenizer is data: the object in `tokenizer.json` (normaliser, pre-tokenizer, model, decoder, added tokens).
 * `@huggingface/tokenizers` runs it; this file checks the object first, keeps the library's defaults from changing
 * text, and adds what a study needs beside it: BOS, EOS, the size of the vocabulary and a fingerprint.
 * A GGUF file carries the same knowledge in another form: see `gguf_tokenizer.ts`.
 */
import { createHash } from "node:crypto";
import { Tokenizer as Engine } from "@huggingface/tokenizers";
import { repairPreTokenizer } from "./repair.ts";

/** Text ↔ token ids. */
export interface Tokenizer {
  /** Ids of a text. No BOS or EOS is added; special tokens spelt out in the text are recognised. */
  encode(text: string): number[];
  /** The text of ids, special tokens included. Throws `RangeError` for an id outside the vocabulary. */
  decode(ids: readonly number[]): string;
  /** The id that begins a text, or null where the model has none. */
  readonly bos: number | null;
  /** The id that ends a document, or null where the model has none. */
  readonly eos: number | null;
  /** One more than the largest id. The model's embedding may have more rows, never fewer. */
  readonly vocabularySize: number;
  /** SHA-256 (hex) of everything that decides the ids: equal fingerprints give equal ids. */
  readonly fingerprint: string;
}

/** The ids that `config.json` names, asked only where the tokenizer's own configuration is silent. */
export interface ConfiguredIds {
  readonly bos_token_id?: unknown;
  readonly eos_token_id?: unknown;
}

/** The parts of `tokenizer.json` that are looked at here; the rest is the library's. */
export interface Definition {
  /** `vocab` is token → id, or (Unigram) a list of [token, score]. */
  readonly model: { readonly vocab: Record<string, unknown> | unknown[]; readonly [key: string]: unknown };
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  readonly [key: string]: unknown;
}

/** Largest vocabulary accepted: eight times the largest in use (262144), so that no file decides how much is allocated. */
export const MAX_VOCABULARY = 2 ** 21;

/**
 * The tokenizer of a folder in Hugging Face layout.
 *
 * @param tokenizerJson the parsed `tokenizer.json`
 * @param tokenizerConfig the parsed `tokenizer_config.json`; undefined or null where the folder has none
 * @param configured the parsed `config.json`, for BOS and EOS that `tokenizer_config.json` does not mention
 * @throws TypeError where the objects do not describe a tokenizer, RangeError for ids out of range
 */
export function tokenizerFromJson(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
  configured: ConfiguredIds = {},
): Tokenizer {
  const definition = readDefinition(tokenizerJson);
  const config = isRecord(tokenizerConfig) ? tokenizerConfig : {};
  const ids = idsByToken(definition);
  const special = (name: "bos" | "eos") => {
    const key = `${name}_token`;
    if (!(key in config)) return configuredId(configured[`${name}_token_id`], `${name}_token_id`);
    return idOfToken(config[key], key, ids);
  };
  return buildTokenizer(definition, special("bos"), special("eos"));
}

/** Runs a checked definition. `bos` and `eos` are ids, or null. */
export function buildTokenizer(definition: Definition, bos: number | null, eos: number | null): Tokenizer {
  const size = sizeOf(definition);
  for (const [name, id] of [["BOS", bos], ["EOS", eos]] as const) {
    if (id !== null && id >= size) {
      throw new RangeError(`Cannot build a tokenizer: ${name} is ${id}, expected an id below ${size}`);
    }
  }
  const engine = startEngine(definition);
  const hash = () => createHash("sha256").update(JSON.stringify([definition, bos, eos])).digest("hex");
  let fingerprint: string | undefined;
  return {
    encode: (text) => engine.encode(text, { add_special_tokens: false }).ids,
    decode(ids) {
      const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < size));
      if (wrong !== undefined) {
        throw new RangeError(`Cannot decode token ${wrong}: expected an id from 0 to ${size - 1}`);
      }
      return ids.length === 0 ? "" : engine.decode([...ids], { clean_up_tokenization_spaces: false });
    },
    bos,
    eos,
    vocabularySize: size,
    get fingerprint() {
      return fingerprint ??= hash();
    },
  };
}

/** The post-processor only places special tokens, which `encode` never adds: it is left out. */
function startEngine(definition: Definition): Engine {
  const pre_tokenizer = repairPreTokenizer(definition.pre_tokenizer ?? null);
  const defaults = { normalizer: null, decoder: null };
  try {
    return new Engine({ ...defaults, ...definition, pre_tokenizer, post_processor: null }, {});
  } catch (error) {
    throw new TypeError(`Cannot build a tokenizer: ${error instanceof Error ? error.message : error}`);
  }
}

function readDefinition(json: unknown): Definition {
  if (!isRecord(json) || !isRecord(json.model)) {
    throw new TypeError("Cannot build a tokenizer: tokenizer.json has no model, expected an object with one");
  }
  const { vocab, merges, type } = json.model;
  if (!isRecord(vocab) && !Array.isArray(vocab)) {
    throw new TypeError("Cannot build a tokenizer: the model has no vocabulary, expected model.vocab");
  }
  if (type === "BPE" && !Array.isArray(merges)) {
    throw new TypeError("Cannot build a tokenizer: the BPE model has no merges, expected a list");
  }
  const added = json.added_tokens ?? [];
  const isToken = (t: unknown) => isRecord(t) && typeof t.content === "string" && t.content !== "";
  if (!Array.isArray(added) || !added.every(isToken)) {
    throw new TypeError("Cannot build a tokenizer: expected added_tokens as a list of { id, content }");
  }
  return { ...json, added_tokens: added } as unknown as Definition;
}

/** One more than the largest id; every id is checked on the way. */
function sizeOf({ model, added_tokens }: Definition): number {
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
function idsByToken({ model, added_tokens }: Definition): (token: string) => unknown {
  const added = new Map(added_tokens.map(({ id, content }) => [content, id]));
  const { vocab } = model;
  return (token) => {
    if (added.has(token)) return added.get(token);
    if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined;
    const index = vocab.findIndex((entry) => Array.isArray(entry) && entry[0] === token);
    return index < 0 ? undefined : index;
  };
}

/** `tokenizer_config.json` spells a special token as a string, as `{ content }`, or as null where there is none. */
function idOfToken(value: unknown, key: string, ids: (token: string) => unknown): number | null {
  if (value === null) return null;
  const token = isRecord(value) ? value.content : value;
  const id = typeof token === "string" ? ids(token) : undefined;
  if (!isId(id)) {
    const found = JSON.stringify(token);
    throw new RangeError(`Cannot build a tokenizer: ${key} is ${found}, expected a token of the vocabulary`);
  }
  return id;
}

/** Of several end tokens (chat models list them) the first ends a document. */
function configuredId(value: unknown, key: string): number | null {
  const id = Array.isArray(value) ? value[0] : value;
  if (id === undefined || id === null) return null;
  if (isId(id)) return id;
  throw new RangeError(`Cannot build a tokenizer: ${key} is ${JSON.stringify(id)}, expected a token id`);
}

const isId = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_VOCABULARY;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
