/**
 * Byte-level BPE of GGUF files (`tokenizer.ggml.model` = "gpt2").
 *
 * The file has the tokens and the merges; of the pre-tokenizer, which cuts a text into the words that are merged
 * within, it has only a name (gguf_pre_tokenizers.ts). One that is not known is an error: a wrong pre-tokenizer gives plausible ids and a silently worse model.
 */
import {
  addedTokens,
  flag,
  type GgufVocabulary,
  idsOf,
  type Metadata,
  refusedEntry,
  strings,
} from "./gguf_metadata.ts";
import { refusal, shown } from "../../entry/mod.ts";
import { byteLevel, PRE_TOKENIZERS, type PreTokenizer } from "./gguf_pre_tokenizers.ts";
import { repairPreTokenizer } from "../tokenizer/repair.ts";
import type { Definition } from "../tokenizer/definition.ts";

/** The `tokenizer.json` object of a byte-level vocabulary. */
export function byteLevelDefinition(metadata: Metadata, vocabulary: GgufVocabulary): Definition {
  const name = metadata.get("tokenizer.ggml.pre");
  if (!PRE_TOKENIZERS.has(name)) {
    const known = [...PRE_TOKENIZERS.keys()].filter((key) => key !== undefined).join(", ");
    throw refusedEntry(TypeError, "pre", `found unknown pre-tokenizer ${shown(name)}`, `one of ${known}`);
  }
  if (flag(metadata, "add_space_prefix", false)) {
    throw refusedEntry(TypeError, "add_space_prefix", "true", "false for byte-level BPE");
  }
  const merges = strings(metadata, "merges");
  const ids = idsOf(vocabulary.tokens);
  return byteLevelBpe(name, ids, merges, addedTokens(vocabulary)) as unknown as Definition;
}

/** The `tokenizer.json` object of byte-level tokens, with a pre-tokenizer by GGUF's name. Merges are "left right". */
export function byteLevelBpe(
  name: unknown,
  ids: ReadonlyMap<string, number>,
  merges: readonly string[],
  added: readonly object[],
): Record<string, unknown> {
  const pre = PRE_TOKENIZERS.get(name)!;
  return {
    normalizer: pre.normalizer ?? null,
    pre_tokenizer: pre.pre_tokenizer,
    decoder: byteLevel(true),
    added_tokens: added,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(ids),
      merges: readMerges(merges, ids),
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
function readMerges(merges: readonly string[], ids: ReadonlyMap<string, number>): [string, string][] {
  return merges.map((merge, index) => {
    const space = merge.indexOf(" ", 1);
    const left = merge.slice(0, space), right = merge.slice(space + 1);
    if (space < 0 || !ids.has(left) || !ids.has(right) || !ids.has(left + right)) {
      const found = JSON.stringify(merge.slice(0, 80));
      const why = `merge ${index} is ${found}, expected two tokens that join to a third`;
      throw refusal(TypeError, "read the merges", why);
    }
    return [left, right];
  });
}
