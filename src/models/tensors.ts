/** The tensors of a model, by canonical name, and their shapes. */
import {
  type AttentionSpec,
  isMixture,
  type LatentSpec,
  type LayerSpec,
  type MlpSpec,
  type ModelSpec,
  type MoeSpec,
  type NormSpec,
  type SharedSpec,
} from "./spec.ts";

/** A tensor that a module needs: canonical name and shape. */
export type TensorNeed = readonly [name: string, shape: readonly number[]];

/** The tensors of one layer, by canonical name: "attention.q_proj.weight", "mlp.norm.weight", … */
export function layerTensors(layer: LayerSpec, hidden: number): TensorNeed[] {
  return [
    ...(layer.attention ? attentionTensors(layer.attention, hidden) : []),
    ...(isMixture(layer.mlp)
      ? mixtureTensors(layer.mlp, hidden)
      : layer.mlp
      ? mlpTensors(layer.mlp, hidden)
      : []),
  ];
}

/** The tensors outside the layers. */
export function outerTensors(spec: ModelSpec): TensorNeed[] {
  return [
    ["embedding.weight", [spec.vocabulary, spec.hidden]],
    ...(spec.positions ? [["position.weight", [spec.positions, spec.hidden]] as const] : []),
    ...normTensors("final_norm", spec.finalNorm, spec.hidden),
    ...(spec.head.tied ? [] : [["head.weight", [spec.vocabulary, spec.hidden]] as const]),
  ];
}

function attentionTensors(spec: AttentionSpec, hidden: number): TensorNeed[] {
  const { heads, headSize, latents, bias } = spec;
  return [
    ...normTensors("attention.norm", spec.norm.pre, hidden),
    ...(latents ? latentTensors(spec, latents, hidden) : headTensors(spec, hidden)),
    ...(spec.sinks ? [["attention.sinks", [heads]] as const] : []),
    ...linear("attention.o_proj", [hidden, heads * (latents?.value ?? headSize)], bias.output),
    ...normTensors("attention.post_norm", spec.norm.post, hidden),
  ];
}

function headTensors(
  { heads, kvHeads, headSize, bias, qkNorm }: AttentionSpec,
  hidden: number,
): TensorNeed[] {
  const [query, key] = [heads * headSize, kvHeads * headSize];
  return [
    ...linear("attention.q_proj", [query, hidden], bias.qkv),
    ...linear("attention.k_proj", [key, hidden], bias.qkv),
    ...linear("attention.v_proj", [key, hidden], bias.qkv),
    ...(qkNorm
      ? [
        ["attention.q_norm.weight", [qkNorm.over === "head" ? headSize : query]] as const,
        ["attention.k_norm.weight", [qkNorm.over === "head" ? headSize : key]] as const,
      ]
      : []),
  ];
}

function latentTensors(
  { heads, rope, bias }: AttentionSpec,
  latents: LatentSpec,
  hidden: number,
): TensorNeed[] {
  const { query, keyValue, plain, value } = latents;
  const rotated = rope?.size ?? 0;
  const [from, width] = [query ?? hidden, heads * (plain + rotated)];
  return [
    ...(query === null ? [] : [
      ...linear("attention.q_a_proj", [query, hidden], bias.qkv),
      ["attention.q_a_norm.weight", [query]] as const,
    ]),
    ...linear(query === null ? "attention.q_proj" : "attention.q_b_proj", [width, from], false),
    ...linear("attention.kv_a_proj", [keyValue + rotated, hidden], bias.qkv),
    ["attention.kv_a_norm.weight", [keyValue]],
    ...linear("attention.kv_b_proj", [heads * (plain + value), keyValue], false),
  ];
}

function mlpTensors(spec: MlpSpec, hidden: number): TensorNeed[] {
  return [
    ...normTensors("mlp.norm", spec.norm.pre, hidden),
    ...expertTensors("mlp", spec, hidden),
    ...normTensors("mlp.post_norm", spec.norm.post, hidden),
  ];
}

/** The tensors of a mixture: its norms and router, what all tokens pass through, and each expert's. */
function mixtureTensors(spec: MoeSpec, hidden: number): TensorNeed[] {
  return [
    ...routerTensors(spec, hidden),
    ...(spec.shared ? sharedTensors(spec.shared, hidden) : []),
    ...Array.from({ length: spec.experts }, (_, e) => expertTensors(expertName(e), spec.expert, hidden))
      .flat(),
    ...normTensors("mlp.post_norm", spec.norm.post, hidden),
  ];
}

/** What of a mixture every token needs before its experts are known. */
export function routerTensors({ norm, experts, router }: MoeSpec, hidden: number): TensorNeed[] {
  return [
    ...normTensors("mlp.norm", norm.pre, hidden),
    ...linear("mlp.router", [experts, hidden], router.bias),
    ...(router.correction ? [["mlp.router.correction", [experts]] as const] : []),
  ];
}

/** The tensors of what all tokens pass through beside their experts. */
export function sharedTensors(shared: SharedSpec, hidden: number): TensorNeed[] {
  return [
    ...expertTensors("mlp.shared", shared, hidden),
    ...(shared.gate ? linear("mlp.shared_gate", [1, hidden], false) : []),
  ];
}

/** The stem of an expert's tensors: "mlp.experts.3". */
export const expertName = (expert: number) => `mlp.experts.${expert}`;

/** The matrices of a feed-forward network and their biases. */
export function expertTensors(
  name: string,
  { size, gated, bias }: Omit<MlpSpec, "norm">,
  hidden: number,
): TensorNeed[] {
  return [
    ...(gated ? linear(`${name}.gate_proj`, [size, hidden], bias) : []),
    ...linear(`${name}.up_proj`, [size, hidden], bias),
    ...linear(`${name}.down_proj`, [hidden, size], bias),
  ];
}

function linear(name: string, shape: readonly number[], bias: boolean): TensorNeed[] {
  return bias ? [[`${name}.weight`, shape], [`${name}.bias`, [shape[0]]]] : [[`${name}.weight`, shape]];
}

/** The tensors of a norm: its weight, and a LayerNorm's bias, where it has them. */
export function normTensors(name: string, norm: NormSpec | null, hidden: number): TensorNeed[] {
  if (!norm) return [];
  return [
    ...(norm.weight === false ? [] : [[`${name}.weight`, [hidden]] as const]),
    ...(norm.kind === "rms" || norm.bias === false ? [] : [[`${name}.bias`, [hidden]] as const]),
  ];
}
