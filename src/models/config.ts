/**
 * A `config.json` read strictly: every field is asked for by name and type, and what nobody asked for must be known
 * to leave the arithmetic alone. A field that might change the model is an error, never a silent approximation.
 */

/** Fields that say nothing about the forward pass of a trained decoder. */
const neutral = new Set(
  `architectures attention_dropout attn_implementation auto_map begin_suppress_tokens bos_token_id cache_implementation
  classifier_dropout dtype eos_token_id gradient_checkpointing hidden_dropout id2label initializer_range is_decoder
  is_encoder_decoder is_llama_config keys_to_ignore_at_inference label2id max_length max_position_embeddings model_type
  name_or_path num_labels output_attentions output_hidden_states pad_token_id pretraining_tp problem_type return_dict
  rope_interleaved task_specific_params tokenizer_class torch_dtype transformers_version transformers.js_config
  use_cache use_return_dict vocab_size_padded unsloth_version unsloth_fixed drop_attn_list drop_mlp_list`
    .split(/\s+/),
);

/** A strict view of one configuration object. */
export interface Config {
  /** Names the file in errors. */
  readonly name: string;
  /** The raw value; counts as read. */
  value(key: string): unknown;
  /** A finite number; `fallback` where the field is absent or null. */
  number(key: string, fallback?: number): number;
  /** A number of things: an integer of at least 1 and at most 2^31. */
  count(key: string, fallback?: number): number;
  /** A number, or null where the field is absent or null (a `fallback` stands in for an absent one only). */
  optional(key: string, fallback?: number | null): number | null;
  boolean(key: string, fallback: boolean): boolean;
  string(key: string, fallback?: string): string;
  /** A configuration inside this one, or null. */
  child(key: string): Config | null;
  /** Throws if a field was left unread that could change the arithmetic. */
  done(): void;
}

/** Wraps a parsed `config.json`. */
export function readConfig(raw: unknown, name: string): Config {
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
    new TypeError(`Cannot read ${name}: ${key} is ${describe(fields[key])}, expected ${expected}`);
  const config: Config = {
    name,
    value,
    number(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "number" || !Number.isFinite(found)) throw wrong(key, "a number");
      return found;
    },
    count(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "number" || !Number.isInteger(found) || found < 1 || found > 2 ** 31) {
        throw wrong(key, "an integer of at least 1");
      }
      return found;
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
    string(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "string") throw wrong(key, "a string");
      return found;
    },
    child(key) {
      const found = value(key);
      return found === undefined || found === null ? null : readConfig(found, `${name}: ${key}`);
    },
    done() {
      for (const [key, found] of Object.entries(fields)) {
        if (asked.has(key) || neutral.has(key) || key.startsWith("_")) continue;
        if (found === null || found === false || isEmpty(found)) continue;
        throw new TypeError(
          `Cannot run ${name}: field ${key} is ${describe(found)}, which this model family does not support`,
        );
      }
    },
  };
  return config;
}

const isEmpty = (value: unknown) => typeof value === "object" && Object.keys(value as object).length === 0;

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
