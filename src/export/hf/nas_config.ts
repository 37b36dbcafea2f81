/** The configuration of a model in the form of Nemotron-NAS: `block_configs`, and the fields of a Llama. */
import { isRecord } from "../../entry/mod.ts";
import {
  blockMultiplier,
  firstScoring,
  type LayerSpec,
  layerTensors,
  type ModelSpec,
  NAS_TYPE,
  scoring,
} from "../../models/mod.ts";
import type { Config } from "../config.ts";
import { Inexpressible, type Job, modulesText } from "../job.ts";

/** mlx-lm's names; for any other function the model is refused, as one that would change. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  silu: "silu",
  relu: "relu",
  gelu: "gelu",
  gelu_tanh: "gelu_new",
};

/** The whole configuration. Throws `Inexpressible` for what has no field in it. */
export function nasConfig({ model, full, kept }: Job, spec: ModelSpec): Config {
  const own = firstScoring(full)!;
  const mlp = full.layers.map(({ mlp }) => mlp).find((one) => one?.kind === "dense");
  const layers = kept.map((layer) => ({ layer, ...spec.layers[layer] }));
  if (layers.every(({ attention }) => attention === null)) {
    throw new Inexpressible("the model", "would have no attention in any layer, which mlx-lm does not run");
  }
  const { text_config: text } = model.config;
  const config = isRecord(text) ? { ...model.config, ...text } : model.config;
  const bias = (module: "attention" | "mlp") =>
    layers.some((layer) =>
      layerTensors({ [module]: layer[module] }, full.hidden).some(([name]) => name.endsWith(".bias"))
    );
  const tokens = ["bos_token_id", "eos_token_id", "pad_token_id"].filter((name) =>
    config[name] !== undefined
  );
  return {
    architectures: ["DeciLMForCausalLM"],
    model_type: NAS_TYPE,
    ...Object.fromEntries(tokens.map((name) => [name, config[name]])),
    vocab_size: full.vocabulary,
    hidden_size: full.hidden,
    num_hidden_layers: kept.length,
    num_attention_heads: own.heads,
    hidden_act: ACTIVATIONS[mlp?.activation ?? ""] ?? "silu",
    rms_norm_eps: full.finalNorm.epsilon,
    attention_bias: bias("attention"),
    mlp_bias: bias("mlp"),
    ...rotation(own.rope?.theta, config),
    ...full.trained === undefined ? {} : { max_position_embeddings: full.trained },
    tie_word_embeddings: full.head.tied,
    block_configs: layers.map((layer) => blockOf(layer, full.hidden)),
  };
}

/** Stretched rotations that mlx-lm computes as transformers does. */
const ROTATIONS = ["linear", "llama3"];

/** The rotation in the older dialect, the only one that mlx-lm reads. */
function rotation(theta: number | undefined, { rope_scaling, rope_parameters }: Config): Config {
  if (theta === undefined) throw new Inexpressible("attention 0", "has no rotation");
  const found = isRecord(rope_scaling) ? rope_scaling : isRecord(rope_parameters) ? rope_parameters : {};
  const { rope_theta: _, type, rope_type = type ?? "default", ...others } = found;
  if (rope_type === "default") return { rope_theta: theta, rope_scaling: null };
  if (!ROTATIONS.includes(rope_type as string)) {
    throw new Inexpressible("attention 0", `has rope type ${rope_type}, expected ${ROTATIONS.join(" or ")}`);
  }
  return { rope_theta: theta, rope_scaling: { rope_type, ...others } };
}

/** An entry of `block_configs`. */
function blockOf({ layer, attention, mlp }: LayerSpec & { layer: number }, hidden: number): Config {
  const form = (module: LayerSpec["attention"] | LayerSpec["mlp"]) => (
    { no_op: module === null, replace_with_linear: module?.kind === "linear-map" }
  );
  const heads = scoring(attention);
  return {
    attention: { ...form(attention), n_heads_in_group: heads ? heads.heads / heads.kvHeads : null },
    ffn: {
      ...form(mlp),
      ffn_mult: mlp?.kind === "dense" ? multiplierOf(mlp.size, hidden, layer) : null,
    },
  };
}

function multiplierOf(size: number, hidden: number, layer: number): number {
  const multiplier = blockMultiplier(size, hidden);
  if (multiplier !== null) return multiplier;
  const what = modulesText([{ module: "mlp", layer }]);
  throw new Inexpressible(what, `has ${size} units, expected a multiple of 256, as the form counts them`);
}
