/** Stretched rotations: from the parameters of a configuration to a `RopeScaling`. */
import { type Config, positive } from "./config.ts";
import { spelt } from "./spelt.ts";
import type { RopeScaling } from "../pieces.ts";

/** Kinds of layers that may have a rotation of their own. */
export const LAYER_TYPES = ["full_attention", "sliding_attention"] as const;

/** Differences between families in how the parameters are read. */
export interface ScalingFields {
  /** Newer dialect: key inside `rope_parameters`, for models with one rotation per kind of layer. */
  layerType?: typeof LAYER_TYPES[number];
  /** Names of kinds of scaling that mean another one in this family. */
  kinds?: Readonly<Record<string, string>>;
  /** Fields that mean nothing to text. */
  ignored?: readonly string[];
  /** Length of training where the config does not say; default: 2048. */
  positions?: number;
  /** Length before the stretch where the config itself does not say, whatever the rotation's own parameters say. */
  original?: number;
}

/** How a rotation is stretched beyond the length of training, and by which numbers, as its parameters say. */
export function readScaling(
  parameters: Config,
  config: Config,
  pairs: number,
  fields: ScalingFields,
  isOlder: boolean,
): RopeScaling | null {
  const { positions = 2048, original: usual, ignored = [] } = fields;
  const type = readType(parameters, fields, isOlder);
  ignored.forEach(parameters.value);
  if (type === "default") {
    parameters.done();
    return null;
  }
  const maxPositions = config.count("max_position_embeddings", positions);
  const original = () =>
    positive(
      config,
      "original_max_position_embeddings",
      config.optional("original_max_position_embeddings") ?? usual ??
        parameters.optional("original_max_position_embeddings") ?? maxPositions,
    );
  const scaling = scalingOf(type, parameters, { maxPositions, original, pairs });
  parameters.value("rope_theta");
  parameters.value("original_max_position_embeddings");
  parameters.done();
  return scaling;
}

/**
 * The type of a rotation, under its newer or its older name. Where kinds of layers have rotations of their own, transformers reads only the
 * newer name in the older dialect.
 */
function readType(parameters: Config, { layerType, kinds = {} }: ScalingFields, isOlder: boolean): string {
  if ((parameters.value("rope_type") ?? null) === null && layerType && isOlder) {
    parameters.idle("type", "default");
    return "default";
  }
  const said = parameters.string("rope_type", parameters.string("type", "default"));
  return Object.hasOwn(kinds, said) ? kinds[said] : said;
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
        throw parameters.rangeError(`high_freq_factor is ${high}, expected above low_freq_factor ${low}`);
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
      throw parameters.typeError(
        `rope type ${spelt(type)}, expected linear, dynamic, llama3, yarn or longrope`,
      );
  }
}

/** Longrope's divisors, one for each frequency. */
function divisors(parameters: Config, field: string, pairs: number): number[] {
  const list = parameters.value(field);
  if (
    !Array.isArray(list) || list.length !== pairs || !list.every((value) => value > 0 && value < Infinity)
  ) {
    throw parameters.typeError(`${field} is not a list of ${pairs} numbers above 0, one for each frequency`);
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
