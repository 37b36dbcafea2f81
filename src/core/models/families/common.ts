/** Readers of fields that the configurations of several families have. */
import { type Config, positive } from "../config/config.ts";
import { describe } from "../config/spelt.ts";
import type { Activation, AttentionSpec } from "../pieces.ts";
import known from "../config/fields.json" with { type: "json" };

const activations = known.activations as Record<string, Activation>;

/** Reads an activation function by Hugging Face's name for it. */
export function readActivation(config: Config, field: string, fallback: string): Activation {
  const name = config.string(field, fallback);
  if (!Object.hasOwn(activations, name)) {
    throw config.typeError(
      `${field} is ${describe(name)}, expected one of ${Object.keys(activations).join(", ")}`,
    );
  }
  return activations[name];
}

/** Whether the four projections of attention have biases: all of them or none. */
export function readBias(config: Config, fallback = false): AttentionSpec["bias"] {
  const bias = config.boolean("attention_bias", fallback);
  return { qkv: bias, output: bias };
}

/** The number above 0 that a norm adds to the mean square. */
export function readEpsilon(config: Config, field: string, fallback: number): number {
  return positive(config, field, config.number(field, fallback));
}

/** Keys that a query of a windowed layer sees: 4096 where the field is absent, all (null) where it is null. */
export function readWindow(config: Config): number | null {
  return config.value("sliding_window") === null ? null : config.count("sliding_window", 4096);
}

/** Heads of keys and values, each shared by equally many of the query heads; as many as those where the field is null. */
export function readKvHeads(config: Config, heads: number, fallback = heads): number {
  const usual = config.value("num_key_value_heads") === null ? heads : fallback;
  const kvHeads = config.count("num_key_value_heads", usual);
  if (heads % kvHeads) {
    throw config.rangeError(`num_key_value_heads is ${kvHeads}, expected a divisor of ${heads} heads`);
  }
  return kvHeads;
}

/** Which layers have a kind of attention other than full: `layer_types` where the config has it, else a rule. */
export function readLayerTypes(config: Config, kind: string, rule: (layer: number) => boolean): boolean[] {
  const layers = config.count("num_hidden_layers");
  const given = config.value("layer_types");
  if (given === undefined || given === null) return Array.from({ length: layers }, (_, l) => rule(l));
  if (!Array.isArray(given) || given.length !== layers) {
    const found = Array.isArray(given) ? `is a list of ${given.length}` : "is not a list";
    throw config.typeError(`layer_types ${found}, expected an entry for each of ${layers} layers`);
  }
  const names = [`${kind}_attention`, "full_attention"];
  const odd = given.findIndex((type) => !names.includes(type));
  if (odd >= 0) {
    throw config.typeError(
      `layer_types[${odd}] is ${describe(given[odd])}, expected "${names.join('" or "')}"`,
    );
  }
  return given.map((type) => type === names[0]);
}

/** A list of 0 and 1 for each layer, or a rule where the config has none. */
export function readFlags(config: Config, field: string, rule: (layer: number) => boolean): boolean[] {
  const layers = config.count("num_hidden_layers");
  const given = config.value(field) ?? Array.from({ length: layers }, (_, l) => Number(rule(l)));
  if (!Array.isArray(given) || given.length < layers || !given.every((flag) => flag === 0 || flag === 1)) {
    throw config.typeError(
      `${field} is not a list of 0 and 1, expected one entry for each of ${layers} layers`,
    );
  }
  return given.slice(0, layers).map((flag) => flag === 1);
}

/**
 * The window of each layer, null where it sees everything before it. Throws `TypeError` where a layer is windowed and the configuration has
 * no window: transformers fails there, or takes another window with each implementation of attention.
 */
export function layerWindows(
  config: Config,
  window: number | null,
  isWindowed: (layer: number) => boolean,
): (layer: number) => number | null {
  const isSliding = readLayerTypes(config, "sliding", isWindowed);
  const windowed = isSliding.indexOf(true);
  if (window === null && windowed >= 0) {
    throw config.typeError(
      `layer ${windowed} has sliding attention but no window, expected a number for sliding_window ` +
        "(and use_sliding_window true, if the family reads it), or layer_types without sliding_attention",
    );
  }
  return (layer) => isSliding[layer] ? window : null;
}
