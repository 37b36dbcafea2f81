/** Decoders as most families have them: rotations, a gated MLP, and norms around the modules. */
import type { Config } from "../config/config.ts";
import { readRope, type RopeFields } from "../config/rope_fields.ts";
import type { MlpSpec } from "../modules/dense.ts";
import type { FeedSpec, MixerSpec } from "../modules/list.ts";
import type { SoftmaxSpec } from "../modules/softmax.ts";
import type { NormPlacement, NormSpec, RopeSpec } from "../pieces.ts";
import type { LayerSpec, ModelSpec } from "../spec.ts";
import { readActivation, readEpsilon, readKvHeads } from "./common.ts";

/** Differences between families. */
export interface Traits {
  bias?: SoftmaxSpec["bias"];
  mlpBias?: boolean;
  /** Width of an MLP where the configuration does not say. */
  mlpSize?: number;
  /** The field of the activation function, and the function where the configuration does not say. */
  activation?: readonly [field: string, fallback: string];
  windows?: (layer: number) => number | null;
  heads?: number;
  headSize?: number;
  /** Numbers of a head that are rotated, where another field than `head_dim` says so. */
  rotatedSize?: number;
  qkNorm?: "head" | "width";
  kvHeads?: number;
  epsilon?: number;
  /** Makes the second module of a layer from the MLP that it would be. */
  module?: (mlp: MlpSpec, layer: number) => FeedSpec;
  rope?: RopeFields;
  ropes?: (layer: number) => RopeSpec | null;
  /** Around both modules, of the family's RMSNorm; default: in front. The first is also the last norm of the model. */
  norm?: (rms: () => NormSpec) => NormPlacement;
  residual?: LayerSpec["residual"];
  tied?: boolean;
  vocabulary?: number;
  updateScale?: number;
  /** Fields in which a layer's attention differs from the others'. */
  attention?: (layer: number) => Partial<SoftmaxSpec>;
  /** The module that mixes a layer's tokens, of the attention that would. */
  mixer?: (attention: SoftmaxSpec, layer: number) => MixerSpec;
}

export function decoder(family: string, config: Config, traits: Traits): ModelSpec {
  const hidden = config.count("hidden_size");
  const heads = config.count("num_attention_heads", traits.heads);
  const named = config.count("head_dim", traits.headSize ?? Math.trunc(hidden / heads));
  const headSize = traits.rotatedSize ?? named;
  const rms = (): NormSpec => (
    { kind: "rms", epsilon: readEpsilon(config, "rms_norm_eps", traits.epsilon ?? 1e-6) }
  );
  const norm = traits.norm?.(rms) ?? { pre: rms(), post: null };
  const first = (norm.pre ?? norm.post)!;
  const scaled = traits.updateScale === undefined ? {} : { updateScale: traits.updateScale };
  const rope = traits.ropes ? null : readRope(config, headSize, traits.rope);
  const attention = {
    kind: "softmax",
    norm,
    heads,
    kvHeads: readKvHeads(config, heads, traits.kvHeads),
    headSize,
    scale: headSize ** -0.5,
    softcap: null,
    qkNorm: traits.qkNorm ? { over: traits.qkNorm, epsilon: first.epsilon } : null,
    bias: traits.bias ?? { qkv: false, output: false },
    ...scaled,
  } as const;
  const layers = config.count("num_hidden_layers");
  const widths = config.counts("intermediate_size", layers, traits.mlpSize);
  const mlp: Omit<MlpSpec, "size"> = {
    kind: "dense",
    norm,
    activation: readActivation(config, ...traits.activation ?? ["hidden_act", "silu"]),
    gated: true,
    bias: traits.mlpBias ?? false,
    ...scaled,
  };
  const layer = (l: number): LayerSpec => {
    const own: SoftmaxSpec = {
      ...attention,
      rope: traits.ropes ? traits.ropes(l) : rope,
      window: traits.windows?.(l) ?? null,
      ...traits.attention?.(l),
    };
    return {
      residual: traits.residual ?? "sequential",
      attention: traits.mixer?.(own, l) ?? own,
      mlp: traits.module?.({ ...mlp, size: widths[l] }, l) ?? { ...mlp, size: widths[l] },
    };
  };
  return {
    family,
    hidden,
    vocabulary: config.count("vocab_size", traits.vocabulary),
    layers: Array.from({ length: layers }, (_, l) => layer(l)),
    embeddingScale: 1,
    finalNorm: first,
    head: { tied: config.boolean("tie_word_embeddings", traits.tied ?? false), softcap: null },
  };
}
