/**
 * Byte-level BPE of GGUF files (`tokenizer.ggml.model` = "gpt2").
 *
 * The file has the tokens and the merges; of the pre-tokenizer, which cuts a text into the words that are merged
 * within, it has only a name. The table below says what each name means, as the models' own `tokenizer.json` do.
 * A name that is not in it is an error: a wrong pre-tokenizer gives plausible ids and a silently worse model.
 */
import { addedTokens, flag, type GgufVocabulary, idsOf, type Metadata, strings } from "./gguf_metadata.ts";
import { isolate, repairPreTokenizer } from "./repair.ts";
import type { Definition } from "./definition.ts";

/** What a name in `tokenizer.ggml.pre` stands for. */
interface PreTokenizer {
  readonly pre_tokenizer: object;
  readonly normalizer?: object;
  /** A word that is a token as a whole is not merged (Llama 3). */
  readonly ignore_merges?: boolean;
}

const byteLevel = (use_regex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});

const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });

/** The pattern of GPT-4 and its descendants; they differ in how many digits make a word. */
const splitWords = (digits: string) =>
  isolate(
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|` + digits +
      String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  );

const gpt2: PreTokenizer = { pre_tokenizer: byteLevel(true) };

const PRE_TOKENIZERS: ReadonlyMap<unknown, PreTokenizer> = new Map<unknown, PreTokenizer>([
  ["gpt-2", gpt2],
  ["default", gpt2],
  [undefined, gpt2],
  ["smollm", { pre_tokenizer: sequence({ type: "Digits", individual_digits: true }, byteLevel(true)) }],
  ["llama-bpe", {
    pre_tokenizer: sequence(splitWords(String.raw`\p{N}{1,3}`), byteLevel(false)),
    ignore_merges: true,
  }],
  ["qwen2", {
    pre_tokenizer: sequence(splitWords(String.raw`\p{N}`), byteLevel(false)),
    normalizer: { type: "NFC" },
  }],
]);

/** The `tokenizer.json` object of a byte-level vocabulary. */
export function byteLevelDefinition(metadata: Metadata, vocabulary: GgufVocabulary): Definition {
  const name = metadata.get("tokenizer.ggml.pre");
  const pre = PRE_TOKENIZERS.get(name);
  if (pre === undefined) {
    const known = [...PRE_TOKENIZERS.keys()].filter((key) => key !== undefined).join(", ");
    throw new TypeError(
      `Cannot read tokenizer.ggml.pre: found unknown pre-tokenizer ${
        JSON.stringify(name)
      }, expected one of ${known}`,
    );
  }
  if (flag(metadata, "add_space_prefix", false)) {
    throw new TypeError(
      "Cannot read tokenizer.ggml.add_space_prefix: true, expected false for byte-level BPE",
    );
  }
  const ids = idsOf(vocabulary.tokens);
  return {
    normalizer: pre.normalizer ?? null,
    pre_tokenizer: pre.pre_tokenizer,
    decoder: byteLevel(true),
    added_tokens: addedTokens(vocabulary),
    model: {
      type: "BPE",
      vocab: Object.fromEntries(ids),
      merges: readMerges(metadata, ids),
      ignore_merges: pre.ignore_merges ?? false,
    },
  };
}

/** The name of a `tokenizer.json`'s way to cut words, or null where it has none. */
export function preTokenizerName(definition: Definition): string | null {
  const cuts = (pre: PreTokenizer) =>
    JSON.stringify([
      stepsOf(pre.normalizer),
      stepsOf(repairPreTokenizer(pre.pre_tokenizer)),
      pre.ignore_merges ?? false,
    ]);
  const { normalizer, pre_tokenizer, model } = definition;
  const wanted = cuts({ normalizer, pre_tokenizer, ignore_merges: model.ignore_merges } as PreTokenizer);
  const named = [...PRE_TOKENIZERS].find(([name, pre]) => name !== undefined && cuts(pre) === wanted);
  return (named?.[0] ?? null) as string | null;
}

/** Steps one after the other, each as what it does, and without what concerns offsets only. */
function stepsOf(step: unknown): unknown[] {
  const { trim_offsets: _, ...rest } = (step ?? {}) as Record<string, unknown>;
  const inside = rest.pretokenizers ?? rest.normalizers;
  if (Array.isArray(inside)) return inside.flatMap(stepsOf);
  const sorted = Object.entries(rest).sort(([a], [b]) => a < b ? -1 : 1);
  return sorted.length === 0 ? [] : [Object.fromEntries(sorted)];
}

/** Merges are stored as "left right", most important first. A merge whose result is no token would lose text. */
function readMerges(metadata: Metadata, ids: ReadonlyMap<string, number>): [string, string][] {
  return strings(metadata, "merges").map((merge, index) => {
    const space = merge.indexOf(" ", 1);
    const left = merge.slice(0, space), right = merge.slice(space + 1);
    if (space < 0 || !ids.has(left) || !ids.has(right) || !ids.has(left + right)) {
      const found = JSON.stringify(merge.slice(0, 80));
      throw new TypeError(
        `Cannot read tokenizer.ggml.merges: merge ${index} is ${found}, expected two tokens that join to a third`,
      );
    }
    return [left, right];
  });
}
