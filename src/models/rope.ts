/**
 * Rotary position embedding: from a configuration to the cos and sin tables.
 *
 * The arithmetic follows Hugging Face's `modeling_rope_utils.py` step by step in float32, since an inverse frequency
 * that differs in its last bit turns the angle at position 2048 by 1e-4.
 */
import { float32, type Tensor } from "../tensor/mod.ts";
import type { Config } from "./config.ts";
import { positive } from "./positive.ts";
import type { RopeScaling, RopeSpec } from "./spec.ts";

/** To float32, after every step that Hugging Face has in it. */
const round = Math.fround;

/** Names under which the two dialects keep the rotation's parameters. */
export interface RopeFields {
  /** Older dialect: top-level field of the base; default: `rope_theta`. */
  theta?: string;
  defaultTheta?: number;
  /** Older dialect: whether `rope_scaling` applies (not to Gemma 3's local layers). */
  scaled?: boolean;
  /** Newer dialect: key inside `rope_parameters` ("full_attention"), for models with one rotation per kind of layer. */
  layerType?: string;
  /** Share of the head that is rotated, where the model has a default of its own. */
  partial?: number;
  /** Pairs are neighbours. */
  interleaved?: true;
  /** Names of kinds of scaling that mean another one in this family. */
  kinds?: Readonly<Record<string, string>>;
  /** Fields that mean nothing to text. */
  ignored?: readonly string[];
  /** Length of training where the config does not say; default: 2048. */
  positions?: number;
}

/** Reads either dialect: `rope_parameters` (newer), or `rope_theta` and `rope_scaling` (older). */
export function readRope(config: Config, headSize: number, fields: RopeFields = {}): RopeSpec {
  const { defaultTheta = 10000, scaled = true } = fields;
  const olderTheta = config.optional(fields.theta ?? "rope_theta");
  const olderScaling = config.child("rope_scaling");
  const outer = config.child("rope_parameters");
  const newer = fields.layerType ? outer?.child(fields.layerType) ?? null : outer;
  if (outer && newer === outer && olderScaling) expectOneRotation(config);
  const parameters = newer ?? (scaled ? olderScaling : null);
  const ownTheta = newer?.optional("rope_theta") ?? null;
  const theta = newer && ownTheta !== null
    ? positive(newer, "rope_theta", ownTheta)
    : positive(config, fields.theta ?? "rope_theta", olderTheta ?? defaultTheta);
  const olderPartial = config.optional("partial_rotary_factor"); // Phi-3's files have it in both places
  const partial = parameters?.optional("partial_rotary_factor") ?? olderPartial ?? fields.partial ?? 1;
  const size = Math.trunc(headSize * partial);
  if (size < 2 || size % 2 || size > headSize) {
    throw new RangeError(
      `Cannot rotate ${size} of ${headSize} numbers of a head (${config.name}): expected an even number from 2 to ${headSize}`,
    );
  }
  const scaling = parameters ? readScaling(parameters, config, size / 2, fields) : null;
  if (scaling?.type === "dynamic" && size === 2) {
    throw new RangeError(`Cannot stretch a rotation of 2 numbers (${config.name}): expected at least 4`);
  }
  return { theta, size, scaling, ...fields.interleaved ? { interleaved: true } : {} };
}

/** Throws where the two dialects are both there, and say different things. */
function expectOneRotation(config: Config): void {
  const [newer, older] = ["rope_parameters", "rope_scaling"].map((field) => {
    const { type, rope_type = type, rope_theta: _, partial_rotary_factor: __, ...rest } = config.value(
      field,
    ) as Record<string, unknown>;
    return { rope_type: rope_type ?? "default", ...rest } as Record<string, unknown>;
  });
  const differing = [...new Set([...Object.keys(newer), ...Object.keys(older)])]
    .find((key) => JSON.stringify(newer[key]) !== JSON.stringify(older[key]));
  if (differing === undefined) return;
  throw new RangeError(
    `Cannot read ${config.name}: rope_parameters and rope_scaling differ in ${differing}, expected one of them`,
  );
}

function readScaling(
  parameters: Config,
  config: Config,
  pairs: number,
  { positions = 2048, kinds = {}, ignored = [] }: RopeFields,
): RopeScaling | null {
  const said = String(parameters.value("rope_type") ?? parameters.value("type") ?? "default");
  const type = Object.hasOwn(kinds, said) ? kinds[said] : said;
  ["type", ...ignored].forEach(parameters.value);
  if (type === "default") {
    parameters.done();
    return null;
  }
  const maxPositions = config.count("max_position_embeddings", positions);
  const original = () =>
    positive(
      config,
      "original_max_position_embeddings",
      config.optional("original_max_position_embeddings") ??
        parameters.optional("original_max_position_embeddings") ?? maxPositions,
    );
  const scaling = scalingOf(type, parameters, { maxPositions, original, pairs });
  parameters.value("rope_theta");
  parameters.value("original_max_position_embeddings");
  parameters.done();
  return scaling;
}

function scalingOf(
  type: string,
  parameters: Config,
  { maxPositions, original, pairs }: { maxPositions: number; original: () => number; pairs: number },
): RopeScaling {
  const factorOf = (field: string) => positive(parameters, field, parameters.number(field));
  switch (type) {
    case "linear":
      return { type, factor: factorOf("factor") };
    case "dynamic":
      return { type, factor: factorOf("factor"), maxPositions };
    case "llama3": {
      const [low, high] = [factorOf("low_freq_factor"), factorOf("high_freq_factor")];
      if (low >= high) {
        throw new RangeError(
          `Cannot read ${parameters.name}: high_freq_factor is ${high}, expected above low_freq_factor ${low}`,
        );
      }
      return {
        type,
        factor: factorOf("factor"),
        lowFrequencyFactor: low,
        highFrequencyFactor: high,
        originalMaxPositions: original(),
      };
    }
    case "yarn": {
      const factor = positive(
        parameters,
        "factor",
        parameters.optional("factor") ?? maxPositions / original(),
      );
      return {
        type,
        factor,
        attentionFactor: yarnAttentionFactor(parameters, factor),
        betaFast: positive(parameters, "beta_fast", parameters.optional("beta_fast") || 32),
        betaSlow: positive(parameters, "beta_slow", parameters.optional("beta_slow") || 1),
        truncate: parameters.boolean("truncate", true),
        originalMaxPositions: original(),
      };
    }
    case "longrope": {
      const originalMaxPositions = original();
      const stretch = parameters.optional("factor") ?? maxPositions / originalMaxPositions;
      const given = parameters.optional("attention_factor");
      return {
        type,
        shortFactor: divisors(parameters, "short_factor", pairs),
        longFactor: divisors(parameters, "long_factor", pairs),
        attentionFactor: positive(
          parameters,
          "attention_factor",
          given ?? (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(originalMaxPositions))),
        ),
        originalMaxPositions,
      };
    }
    default:
      throw new TypeError(
        `Cannot read ${parameters.name}: rope type ${type}, expected linear, dynamic, llama3, yarn or longrope`,
      );
  }
}

/** Longrope's divisors, one for each frequency. */
function divisors(parameters: Config, field: string, pairs: number): number[] {
  const list = parameters.value(field);
  if (
    !Array.isArray(list) || list.length !== pairs || !list.every((value) => value > 0 && value < Infinity)
  ) {
    throw new TypeError(
      `Cannot read ${parameters.name}: ${field} is not a list of ${pairs} numbers above 0, one for each frequency`,
    );
  }
  return list;
}

function yarnAttentionFactor(parameters: Config, factor: number): number {
  const given = parameters.optional("attention_factor");
  const [scale, scaleAll] = [parameters.optional("mscale"), parameters.optional("mscale_all_dim")];
  if (given !== null) return positive(parameters, "attention_factor", given);
  const mscale = (weight: number) => factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  return positive(parameters, "mscale", scale && scaleAll ? mscale(scale) / mscale(scaleAll) : mscale(1));
}

/** Angles turned through a position by each of the size/2 pairs, and what cos and sin are multiplied by. */
export function rotation(rope: RopeSpec, positions: number): { frequencies: Float32Array; factor: number } {
  const factor = rope.scaling && "attentionFactor" in rope.scaling ? rope.scaling.attentionFactor : 1;
  return { frequencies: inverseFrequencies(rope, positions), factor };
}

/** The longest text up to which all are rotated alike. */
export function steadyLength({ scaling }: RopeSpec): number {
  if (scaling?.type === "dynamic") return scaling.maxPositions;
  return scaling?.type === "longrope" ? scaling.originalMaxPositions : Infinity;
}

/**
 * Texts are rotated alike where this is the same: 0 up to the steady length; beyond it, longrope has one other rotation, dynamic rope
 * one for every length.
 */
export function rotationRegime(rope: RopeSpec, tokens: number): number {
  if (tokens <= steadyLength(rope)) return 0;
  return rope.scaling?.type === "dynamic" ? tokens : 1;
}

/** The tables [positions, size/2] for a sequence of that many tokens. */
export function ropeTables(rope: RopeSpec, positions: number): { cos: Tensor; sin: Tensor } {
  const half = rope.size / 2;
  const { frequencies, factor } = rotation(rope, positions);
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let t = 0; t < positions; t++) {
    for (let i = 0; i < half; i++) {
      const angle = round(t * frequencies[i]);
      cos[t * half + i] = round(Math.cos(angle)) * factor;
      sin[t * half + i] = round(Math.sin(angle)) * factor;
    }
  }
  return { cos: float32([positions, half], cos), sin: float32([positions, half], sin) };
}

function inverseFrequencies({ theta, size, scaling }: RopeSpec, positions: number): Float32Array {
  const base = scaling?.type === "dynamic" ? dynamicBase(theta, size, scaling, positions) : theta;
  const powers = Float32Array.from({ length: size / 2 }, (_, i) => base ** round((2 * i) / size));
  const plain = powers.map((power) => 1 / power);
  switch (scaling?.type) {
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
    case "yarn":
      return yarnFrequencies(theta, size, powers, scaling);
    case "longrope": {
      const { shortFactor, longFactor, originalMaxPositions } = scaling;
      const by = positions > originalMaxPositions ? longFactor : shortFactor;
      return powers.map((power, i) => 1 / round(round(by[i]) * power));
    }
    default:
      return plain;
  }
}

function dynamicBase(
  theta: number,
  size: number,
  { factor, maxPositions }: { factor: number; maxPositions: number },
  positions: number,
): number {
  const length = Math.max(positions, maxPositions);
  const stretch = round(round(round(factor * length) / maxPositions) - (factor - 1));
  return round(theta * round(stretch ** (size / (size - 2))));
}

function llama3Frequency(frequency: number, scaling: RopeScaling & { type: "llama3" }): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
  const wavelength = round(round(1 / frequency) * round(2 * Math.PI));
  if (wavelength < originalMaxPositions / high) return frequency;
  if (wavelength > originalMaxPositions / low) return frequency / factor;
  const turns = round(round(1 / wavelength) * originalMaxPositions);
  const smooth = round(round(turns - low) / (high - low));
  return round(round(round(1 - smooth) * frequency) / factor) + round(smooth * frequency);
}

function yarnFrequencies(
  theta: number,
  size: number,
  powers: Float32Array,
  { factor, betaFast, betaSlow, truncate, originalMaxPositions }: RopeScaling & { type: "yarn" },
): Float32Array {
  const dimension = (rotations: number) =>
    (size * Math.log(originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimension(betaFast), dimension(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, size - 1);
  const span = high === low ? 0.001 : high - low;
  return powers.map((power, i) => {
    const ramp = Math.min(1, Math.max(0, round(round(i - low) / span)));
    const kept = round(1 - ramp);
    return round(round(1 / round(factor * power)) * round(1 - kept)) + round(round(1 / power) * kept);
  });
}
