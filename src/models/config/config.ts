/**
 * A `config.json` read strictly: every field is read by name and type, and fields that nobody reads must be known
 * not to affect the arithmetic. A field that might change the model is an error, never a silent approximation, unless the
 * user allows it. That every default of transformers is known is tested (tests/fixtures/found_configs.json).
 */

import { QUANTISED, readPacking } from "./packing.ts";
import { describe, spelt } from "./spelt.ts";

/** Fields that do not affect the forward pass of a trained decoder, whatever their value. */
const neutral = new Set([
  // Names of the checkpoint, how it was saved, notes of other programs.
  `architectures auto_map dtype finetuned finetuning_task is_llama_config model_type name_or_path prefix
  task_specific_params tokenizer_class torch_dtype transformers_version transformers.js_config unsloth_fixed
  unsloth_version vocab_size_padded drop_attn_list drop_mlp_list`,
  // Ids with a meaning to tokenizers and decoding loops.
  `bos_token_id cls_token_id decoder_start_token_id eos_token_id forced_bos_token_id forced_eos_token_id
  mask_token_id pad_token_id sep_token_id unk_token_id`,
  // How text is drawn from the logits: older versions keep it here, newer ones in generation_config.json.
  `bad_words_ids begin_suppress_tokens diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size
  exponential_decay_length_penalty length_penalty max_length min_length no_repeat_ngram_size num_beam_groups
  num_beams num_return_sequences output_scores remove_invalid_values repetition_penalty return_dict_in_generate
  suppress_tokens temperature top_k top_p typical_p`,
  // Training only.
  `attention_dropout attention_probs_dropout_prob attn_pdrop classifier_dropout embd_pdrop gradient_checkpointing
  embedding_dropout hidden_dropout hidden_dropout_prob initializer_range neftune_noise_alpha output_router_logits resid_pdrop
  router_aux_loss_coef router_jitter_noise router_z_loss_coef tf_legacy_loss`,
  // How the same numbers are computed and returned; chunks of a feed-forward network are of rows.
  `attn_implementation cache_implementation chunk_size_feed_forward is_decoder is_encoder_decoder
  is_causal keys_to_ignore_at_inference output_attentions output_hidden_states pretraining_tp return_dict torchscript
  use_bfloat16 use_cache use_flash_attn use_return_dict`,
  // Lengths seen in training: they bind where a rotation is scaled, and there they are read.
  `max_position_embeddings max_sequence_length model_max_length seq_length`,
  // Classifiers' heads.
  `id2label label2id num_labels problem_type summary_activation summary_first_dropout summary_proj_to_labels
  summary_type summary_use_proj`,
  `rope_interleaved`,
].flatMap((fields) => fields.split(/\s+/)));

/**
 * Largest counts that are believed: several times those of any model, so that a file does not decide how long a loop
 * runs or how much is allocated before the first tensor is compared with it.
 */
const LIMITS: Readonly<Record<string, number>> = {
  num_hidden_layers: 4096, // deepest trained: 1000
  n_layer: 4096,
  num_attention_heads: 4096, // most: 256
  n_head: 4096,
  num_key_value_heads: 4096,
  head_dim: 2 ** 16, // largest: 576
  num_experts: 4096, // most: 512
  num_local_experts: 4096,
  n_routed_experts: 4096,
  hidden_size: 2 ** 20, // largest: 53248
  n_embd: 2 ** 20,
  intermediate_size: 2 ** 22, // largest: 212992
  n_inner: 2 ** 22,
  vocab_size: 2 ** 21, // largest: 262208, and no tokenizer may have more
};

/** All other counts. */
const MOST = 2 ** 31;

/** Fields that the user says do not matter, and those of them that would have been refused. */
export interface Allowance {
  readonly names: ReadonlySet<string>;
  readonly used: Set<string>;
}

/** A strict view of one configuration object. */
export interface Config {
  /** Names the file in errors. */
  readonly name: string;
  /** The raw value; counts as read. */
  value(key: string): unknown;
  /** A finite number; `fallback` where the field is absent or null. */
  number(key: string, fallback?: number): number;
  /** A number of things: an integer of at least 1, at most what `LIMITS` says. */
  count(key: string, fallback?: number): number;
  /** Such a number for each of `length` things: a list of them, or one for all. */
  counts(key: string, length: number, fallback?: number): number[];
  /** A number, or null where the field is absent or null (a `fallback` stands in for an absent one only). */
  optional(key: string, fallback?: number | null): number | null;
  boolean(key: string, fallback: boolean): boolean;
  /** A field that the model never reads, which may be there with the one value that means nothing. */
  idle(key: string, meaningless: unknown): void;
  string(key: string, fallback?: string): string;
  /** A configuration inside this one, or null; `usual` has the fields that it may leave out. */
  child(key: string, usual?: Readonly<Record<string, unknown>>): Config | null;
  /** Throws if an unread field could change the arithmetic. */
  done(): void;
  /** What to throw for a field of another kind, or out of range: "Cannot read", the file and the text. */
  typeError(text: string): TypeError;
  rangeError(text: string): RangeError;
}

/** Wraps a parsed `config.json`. */
export function readConfig(
  raw: unknown,
  name: string,
  allowance: Allowance = { names: new Set(), used: new Set() },
): Config {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`Cannot read ${name}: found ${describe(raw)}, expected a JSON object`);
  }
  const fields = raw as Record<string, unknown>;
  const asked = new Set<string>();
  const value = (key: string) => {
    asked.add(key);
    return Object.hasOwn(fields, key) ? fields[key] : undefined;
  };
  const wrong = (key: string, expected: string) =>
    config.typeError(`${key} is ${describe(fields[key])}, expected ${expected}`);
  const counted = (key: string, found: unknown) => {
    if (typeof found !== "number" || !Number.isInteger(found) || found < 1) {
      throw wrong(key, "an integer of at least 1");
    }
    const most = Object.hasOwn(LIMITS, key) ? LIMITS[key] : MOST;
    if (found <= most) return found;
    throw config.rangeError(`${key} is ${found}, expected an integer of at most ${most}`);
  };
  const config: Config = {
    name,
    value,
    typeError: (text) => new TypeError(`Cannot read ${name}: ${text}`),
    rangeError: (text) => new RangeError(`Cannot read ${name}: ${text}`),
    number(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "number" || !Number.isFinite(found)) throw wrong(key, "a number");
      return found;
    },
    count: (key, fallback) => counted(key, value(key) ?? fallback),
    counts(key, length, fallback) {
      const found = value(key);
      if (!Array.isArray(found)) return Array(length).fill(config.count(key, fallback));
      if (found.length !== length) {
        throw config.typeError(`${key} is a list of ${found.length}, expected ${length} entries`);
      }
      return found.map((entry) => counted(key, entry));
    },
    optional(key, fallback = null) {
      const found = value(key);
      if (found === undefined) return fallback;
      return found === null ? null : config.number(key);
    },
    boolean(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "boolean") throw wrong(key, "true or false");
      return found;
    },
    idle(key, meaningless) {
      if (Object.hasOwn(fields, key) && fields[key] === meaningless) asked.add(key);
    },
    string(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "string") throw wrong(key, "a string");
      return found;
    },
    child(key, usual = {}) {
      const found = value(key);
      if (found === undefined || found === null) return null;
      const isObject = typeof found === "object" && !Array.isArray(found);
      return readConfig(isObject ? { ...usual, ...found } : found, `${name}: ${key}`, allowance);
    },
    done() {
      for (const field of QUANTISED) {
        if (!asked.has(field) && readPacking(field, fields[field], name)) asked.add(field);
      }
      if (fields.is_causal === false) { // attention that sees what comes after is another model
        throw new TypeError(
          `Cannot run ${name}: is_causal is false, expected a decoder, in which tokens attend only to earlier ones`,
        );
      }
      for (const [key, found] of Object.entries(fields)) {
        if (asked.has(key) || neutral.has(key) || key.startsWith("_")) continue;
        const isEmpty = typeof found === "object" && Object.keys(found ?? {}).length === 0;
        if (found === false || isEmpty) continue;
        if (!allowance.names.has(key)) throw unknownField(name, key, found);
        allowance.used.add(key);
      }
    },
  };
  return config;
}

/**
 * The value of a field, once it is known to be above 0 and finite in float32, in which it is used; null stays null. Throws
 * `RangeError` that names the field.
 */
export function positive<Value extends number | null>(config: Config, field: string, value: Value): Value {
  const used = Math.fround(value ?? 1);
  if (used > 0 && used < Infinity) return value;
  throw config.rangeError(`${field} is ${value}, expected a number above 0`);
}

export function unknownField(name: string, field: string, found: unknown): TypeError {
  const key = spelt(field);
  return new TypeError(
    `Cannot run ${name}: field ${key} is ${describe(found)}, which this model family does not support; ` +
      `if the model computes the same without it, ignore the field with \`allowFields\` ${key}`,
  );
}
