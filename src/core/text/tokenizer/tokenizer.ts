/**
 * Text ↔ token ids, as Hugging Face's fast tokenizers do it.
 *
 * A tokenizer is data: the object in `tokenizer.json` (normaliser, pre-tokenizer, model, decoder, added tokens).
 * `definition.ts` checks it, `encoder.ts` runs it; this file adds what else a study needs: BOS, EOS, the size of
 * the vocabulary, a fingerprint, and where a long text may be cut.
 * A GGUF file carries the same knowledge in another form: see `gguf_tokenizer.ts`.
 */
import { createHash } from "node:crypto";
import { guard } from "./bounded.ts";
import { cutFinder } from "./cuts.ts";
import { isRecord, refusal, shown } from "../../entry/mod.ts";
import { type Definition, idsByToken, isId, readDefinition, sizeOf } from "./definition.ts";
import { buildEncoder } from "./encoder.ts";

/** Converts between text and token ids. */
export interface Tokenizer {
  /**
   * Returns the ids of a text. Adds no BOS or EOS; recognises special tokens spelt out in the text. Throws `RangeError` for more
   * than `MOST_AT_ONCE` characters, and if the tokenizer's patterns take too long.
   *
   * @param continued whether the text continues another one that ended at a cut
   */
  encode(text: string, continued?: boolean): number[];
  /** Returns the text of ids, special tokens included. Throws `RangeError` for an id outside the vocabulary. */
  decode(ids: readonly number[]): string;
  /**
   * Returns the last place, `from` or later, at which the text can be cut: the ids of the two parts, the second one continued,
   * are those of the whole, whatever follows. Returns 0 if no such place is known.
   */
  lastCut(text: string, from?: number): number;
  /** The id that begins a text, or null if the model has none. Throws `RangeError` if it is outside the vocabulary. */
  readonly bos: number | null;
  /** The id that ends a document, or null if the model has none. Throws `RangeError` if it is outside the vocabulary. */
  readonly eos: number | null;
  /** Ids of the added tokens that are marked as special; they stand for no text. */
  readonly specials: ReadonlySet<number>;
  /** Whether texts begin with BOS if special tokens are requested; `encode` never adds it. */
  readonly addsBos: boolean;
  /** One more than the largest id. The model's embedding may have more rows, never fewer. */
  readonly vocabularySize: number;
  /** SHA-256 (hex) of everything that determines the ids: equal fingerprints give equal ids. */
  readonly fingerprint: string;
}

/**
 * Longest text that is tokenised at once, in UTF-16 units. A pattern that finds words takes 16 bytes of V8's stack for each
 * unit of a word in which not all characters are Latin-1, and the stack has 64 MiB: 2^22 is just too much.
 */
export const MOST_AT_ONCE = 2 ** 21;

/** The ids that `config.json` names, asked only where the tokenizer's own configuration is silent. */
export type ConfiguredIds = { readonly bos_token_id?: unknown; readonly eos_token_id?: unknown };

/** Gives the id, null where there is none; throws where it names no token. */
type SpecialId = () => number | null;

/**
 * The tokenizer of a folder in Hugging Face layout, from its parsed `tokenizer.json`, its `tokenizer_config.json` (undefined or null where
 * there is none), and `config.json` for BOS and EOS that the second does not mention. It may compute `spareMs` beyond what its texts need.
 * Throws `TypeError` if the objects do not describe a tokenizer, `RangeError` for ids out of range.
 */
export function tokenizerFromJson(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
  configured: ConfiguredIds = {},
  spareMs?: number,
): Tokenizer {
  const definition = readDefinition(tokenizerJson);
  const config = isRecord(tokenizerConfig) ? tokenizerConfig : {};
  const ids = idsByToken(definition);
  const special = (name: "bos" | "eos"): SpecialId => () => {
    const key = `${name}_token`;
    if (!(key in config)) return configuredId(configured[`${name}_token_id`], `${name}_token_id`);
    return idOfToken(config[key], key, ids);
  };
  const bos = special("bos");
  const isBos = (token: string) => ids(token) === orNull(bos);
  const addsBos = typeof config.add_bos_token === "boolean"
    ? config.add_bos_token
    : beginsWith(definition.post_processor, isBos);
  return buildTokenizer(definition, bos, special("eos"), addsBos, spareMs);
}

/** Runs a checked definition. An id that names no token is an error when it is asked for. */
export function buildTokenizer(
  definition: Definition,
  bos: SpecialId,
  eos: SpecialId,
  addsBos: boolean,
  spareMs?: number,
): Tokenizer {
  const size = sizeOf(definition);
  const checked = (name: string, special: SpecialId) => {
    const id = special();
    if (id === null || id < size) return id;
    throw refusal(RangeError, "use the tokenizer", `${name} is ${id}, expected an id below ${size}`);
  };
  const encoder = guard("build the tokenizer", spareMs)(size, () => buildEncoder(definition));
  const guarded = guard("use the tokenizer", spareMs);
  const lastCut = cutFinder(definition, encoder.spellings);
  const hash = () => {
    const specials = [bos, eos].map(orNull);
    return createHash("sha256").update(JSON.stringify([definition, ...specials])).digest("hex");
  };
  let fingerprint: string | undefined;
  return {
    encode(text, continued = false) {
      if (text.length <= MOST_AT_ONCE) return guarded(text.length, () => encoder.encode(text, continued));
      const why = `${text.length} characters at once, expected at most ${MOST_AT_ONCE}`;
      throw refusal(RangeError, "use the tokenizer", why);
    },
    decode(ids) {
      const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < size));
      if (wrong !== undefined) {
        throw refusal(RangeError, `decode token ${wrong}`, `expected an id from 0 to ${size - 1}`);
      }
      return ids.length === 0 ? "" : guarded(ids.length, () => encoder.decode(ids));
    },
    lastCut,
    get bos() {
      return checked("BOS", bos);
    },
    get eos() {
      return checked("EOS", eos);
    },
    specials: new Set(definition.added_tokens.filter(({ special }) => special).map(({ id }) => id)),
    addsBos,
    vocabularySize: size,
    get fingerprint() {
      return fingerprint ??= hash();
    },
  };
}

/** Whether a `post_processor`, or one of a sequence, puts such a token in front of a single text. */
function beginsWith(processor: unknown, isWanted: (token: string) => boolean): boolean {
  if (!isRecord(processor)) return false;
  const { type, processors, single, cls } = processor;
  if (Array.isArray(processors)) return processors.some((part) => beginsWith(part, isWanted));
  if (type === "TemplateProcessing" && Array.isArray(single)) {
    const token = isRecord(single[0]) && isRecord(single[0].SpecialToken) ? single[0].SpecialToken.id : null;
    return typeof token === "string" && isWanted(token);
  }
  return Array.isArray(cls) && typeof cls[0] === "string" && isWanted(cls[0]);
}

/** An id that cannot be used decides nothing. */
function orNull(special: SpecialId): number | null {
  try {
    return special();
  } catch {
    return null;
  }
}

/** `tokenizer_config.json` spells a special token as a string, as `{ content }`, or as null where there is none. */
function idOfToken(value: unknown, key: string, ids: (token: string) => unknown): number | null {
  if (value === null) return null;
  const token = isRecord(value) ? value.content : value;
  const id = typeof token === "string" ? ids(token) : undefined;
  if (!isId(id)) {
    const found = shown(token);
    throw refusal(RangeError, "use the tokenizer", `${key} is ${found}, expected a token in the vocabulary`);
  }
  return id;
}

/** Of several end tokens (chat models list them) the first ends a document. */
function configuredId(value: unknown, key: string): number | null {
  const id = Array.isArray(value) ? value[0] : value;
  if (id === undefined || id === null) return null;
  if (isId(id)) return id;
  throw refusal(RangeError, "use the tokenizer", `${key} is ${shown(id)}, expected a token id`);
}
