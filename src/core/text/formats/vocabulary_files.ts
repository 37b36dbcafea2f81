/**
 * The tokenizer of a folder that has `vocab.json` and `merges.txt` and no `tokenizer.json`: GPT-2's byte-level BPE as it was
 * published, and Qwen2's. The files do not say how words are cut; the tokenizer's class does, or else the model's type.
 */
import { byteLevelBpe } from "./gguf_byte_level.ts";
import { isRecord, refusal, shown } from "../../entry/mod.ts";
import { isId, MAX_VOCABULARY } from "../tokenizer/definition.ts";
import { type ConfiguredIds, type Tokenizer, tokenizerFromJson } from "../tokenizer/tokenizer.ts";

/** Class or model type → pre-tokenizer by GGUF's name, and the special tokens that the class knows by itself. */
const KINDS: Readonly<Record<string, { readonly pre: string; readonly bos: boolean }>> = {
  GPT2Tokenizer: { pre: "gpt-2", bos: true },
  gpt2: { pre: "gpt-2", bos: true },
  Qwen2Tokenizer: { pre: "qwen2", bos: false },
  qwen2: { pre: "qwen2", bos: false },
  qwen2_moe: { pre: "qwen2", bos: false },
  qwen3: { pre: "qwen2", bos: false },
  qwen3_moe: { pre: "qwen2", bos: false },
};
const END = "<|endoftext|>";

/** What lies in the folder, parsed; null where a file is not there. */
interface VocabularyFiles {
  /** `vocab.json`: token → id. */
  readonly vocab: unknown;
  readonly merges: string;
  /** `added_tokens.json`: token → id. */
  readonly added: unknown;
  /** `tokenizer_config.json`. */
  readonly config: unknown;
  readonly model: ConfiguredIds & { readonly model_type?: unknown };
}

/** Builds it. Throws `TypeError` where a file is malformed, or nothing tells how words are cut. */
export function tokenizerFromVocabulary(files: VocabularyFiles): Tokenizer {
  const { vocab, merges, model } = files;
  const config = isRecord(files.config) ? files.config : {};
  if (!isRecord(vocab) || !Object.values(vocab).every(isId)) {
    throw refusal(TypeError, "read vocab.json", `expected an object of ids below ${MAX_VOCABULARY}`);
  }
  const { pre, bos } = kindOf(config.tokenizer_class, model.model_type);
  const ids = new Map(Object.entries(vocab as Record<string, number>));
  const usual = ids.has(END) ? { eos_token: END, ...bos ? { bos_token: END } : { bos_token: null } } : {};
  const definition = byteLevelBpe(
    pre,
    ids,
    lines(merges),
    addedTokens(files.added, { ...usual, ...config }, ids),
  );
  return tokenizerFromJson(definition, { ...usual, ...config }, model);
}

function kindOf(tokenizerClass: unknown, modelType: unknown) {
  const name = typeof tokenizerClass === "string" ? tokenizerClass.replace(/Fast$/, "") : modelType;
  if (typeof name === "string" && Object.hasOwn(KINDS, name)) return KINDS[name];
  const why = `its class is ${shown(tokenizerClass ?? null)} and the model's type ` +
    `${JSON.stringify(modelType ?? null)}, expected one of ${Object.keys(KINDS).join(", ")}; ` +
    "alternatively, write a tokenizer.json: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)";
  throw refusal(TypeError, "build a tokenizer from vocab.json and merges.txt", why);
}

function lines(merges: string): string[] {
  const found = merges.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#version"));
  if (found.length <= MAX_VOCABULARY) return found;
  throw refusal(RangeError, "read merges.txt", `${found.length} merges, expected at most ${MAX_VOCABULARY}`);
}

/** Tokens that are recognised in a text: those that the files list, and the special ones. */
function addedTokens(added: unknown, config: Record<string, unknown>, ids: ReadonlyMap<string, number>) {
  const found = new Map<string, object>();
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  for (const key of ["bos_token", "eos_token", "unk_token", "pad_token"]) {
    const token = config[key];
    const content = isRecord(token) ? token.content : token;
    if (typeof content !== "string" || !ids.has(content)) continue;
    found.set(content, { ...plain, id: ids.get(content), content, special: true });
  }
  for (const [content, id] of Object.entries(isRecord(added) ? added : {})) {
    found.set(content, { ...plain, id, content, special: true });
  }
  for (
    const [id, token] of Object.entries(
      isRecord(config.added_tokens_decoder) ? config.added_tokens_decoder : {},
    )
  ) {
    if (!isRecord(token) || typeof token.content !== "string") {
      throw refusal(TypeError, "read tokenizer_config.json", `added_tokens_decoder has no text for ${id}`);
    }
    found.set(token.content, { ...plain, ...token, id: Number(id) });
  }
  return [...found.values()];
}
