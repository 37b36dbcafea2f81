/**
 * Pre-tokenizers by their names in a GGUF file's `tokenizer.ggml.pre`: how a text is cut into words, as in the models' own
 * `tokenizer.json`. Names are those of llama.cpp's converter.
 */
import { isolate } from "../tokenizer/repair.ts";
import {
  CJK_RUN,
  DEEPSEEK3_WORDS,
  GPT4_WORDS_ONE,
  GPT4_WORDS_UP_TO_3,
  O200K_WORDS,
  QWEN35_WORDS,
  TEKKEN_WORDS,
  UP_TO_3,
} from "../tokenizer/word_patterns.ts";

/** The steps that a name stands for. */
export interface PreTokenizer {
  readonly pre_tokenizer: object;
  readonly normalizer?: object;
  /** A word that is a token as a whole is not merged. */
  readonly ignore_merges?: boolean;
  /** Whether texts begin with BOS if the file does not say. */
  readonly addsBos?: boolean;
}

export const byteLevel = (use_regex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});

const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });

/** Cuts by one pattern after another. */
const split = (...patterns: string[]) => sequence(...patterns.map(isolate), byteLevel(false));

const NFC = { type: "NFC" };
const gpt2: PreTokenizer = { pre_tokenizer: byteLevel(true) };
const digits: PreTokenizer = {
  pre_tokenizer: sequence({ type: "Digits", individual_digits: true }, byteLevel(true)),
};
const llama3: PreTokenizer = { pre_tokenizer: split(GPT4_WORDS_UP_TO_3), ignore_merges: true, addsBos: true };
const cl100k: PreTokenizer = { pre_tokenizer: split(GPT4_WORDS_UP_TO_3) };
const qwen2: PreTokenizer = { pre_tokenizer: split(GPT4_WORDS_ONE), normalizer: NFC };
const o200k: PreTokenizer = { pre_tokenizer: split(O200K_WORDS) };

/** By name. The first of several names for the same steps is the one that is written. */
export const PRE_TOKENIZERS: ReadonlyMap<unknown, PreTokenizer> = new Map([
  ...named(gpt2, "gpt-2", "default", undefined, "phi-2"),
  ...named({ ...gpt2, normalizer: NFC }, "olmo", "mpt"), // mpt of GPT-NeoX, Pythia
  ...named(digits, "smollm", "starcoder", "refact"), // refact of Granite 3
  ...named({ ...digits, normalizer: NFC }, "command-r"),
  ...named(llama3, "llama-bpe", "llama3", "llama-v3"),
  ...named(cl100k, "dbrx", "chatglm-bpe", "glm4"), // dbrx of OLMo 2 and 3, Phi-4
  ...named(qwen2, "qwen2", "deepseek-r1-qwen"),
  ...named({ pre_tokenizer: split(QWEN35_WORDS), normalizer: NFC }, "qwen35"),
  ...named(o200k, "gpt-4o", "llama4"), // gpt-4o of gpt-oss, Phi-4-mini
  ...named({ pre_tokenizer: split(TEKKEN_WORDS), ignore_merges: true, addsBos: true }, "tekken"), // of Mistral Nemo
  ...named({ pre_tokenizer: split(UP_TO_3, CJK_RUN, DEEPSEEK3_WORDS) }, "deepseek-v3"),
]);

function named(made: PreTokenizer, ...names: unknown[]) {
  return names.map((name) => [name, made] as const);
}
