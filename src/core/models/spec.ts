/**
 * The specification of a model, as plain data: enough to build its graphs, nothing about where its weights are.
 *
 * A decoder layer adds two updates to the residual stream x. The norm placement defines the architecture:
 *
 *     pre   (Llama)    a = Attn(norm(x))          m = MLP(norm(x + a))
 *     peri  (Gemma)    a = norm(Attn(norm(x)))    m = norm(MLP(norm(x + a)))
 *     post  (OLMo 2)   a = norm(Attn(x))          m = norm(MLP(x + a))
 *     parallel residual (GPT-NeoX)                m = MLP(norm(x)),  next = x + a + m
 */
import {
  type FeedSpec,
  kindOf,
  layerTensors,
  mixerKind,
  type MixerSpec,
  routed,
  scoring,
} from "./modules/list.ts";
import { normTensors } from "./modules/needs.ts";
import type { NormSpec, TensorNeed } from "./pieces.ts";

/** One decoder layer; a module that the checkpoint lacks (dropped before) is null. */
export interface LayerSpec {
  readonly residual: "sequential" | "parallel";
  readonly attention: MixerSpec | null;
  readonly mlp: FeedSpec | null;
}

/** A decoder-only transformer. */
export interface ModelSpec {
  /** Hugging Face's `model_type`. */
  readonly family: string;
  readonly hidden: number;
  readonly vocabulary: number;
  readonly layers: readonly LayerSpec[];
  /** Multiplies the embedding rows. */
  readonly embeddingScale: number;
  /** Positions that have a learned vector, which is added to the embedding; absent where there are none. */
  readonly positions?: number;
  /** Tokens of the longest text that it was trained on, as its configuration says; absent where that is not said. */
  readonly trained?: number;
  readonly finalNorm: NormSpec;
  /** `scale` multiplies the logits, before the cap. */
  readonly head: { readonly tied: boolean; readonly softcap: number | null; readonly scale?: number };
}

/** The tensors outside the layers. */
export function outerTensors(spec: ModelSpec): TensorNeed[] {
  return [
    ["embedding.weight", [spec.vocabulary, spec.hidden], { stream: 7 }],
    ...(spec.positions ? [["position.weight", [spec.positions, spec.hidden], { stream: 9 }] as const] : []),
    ...normTensors("final_norm", spec.finalNorm, spec.hidden),
    ...(spec.head.tied ? [] : [["head.weight", [spec.vocabulary, spec.hidden], { stream: 8 }] as const]),
  ];
}

/** All tensors of a model, in its order: each with its layer, or without one where it lies outside the layers. */
export function modelTensors(spec: ModelSpec): { need: TensorNeed; layer?: number }[] {
  return [
    ...outerTensors(spec).map((need) => ({ need })),
    ...spec.layers.flatMap((own, layer) => layerTensors(own, spec.hidden).map((need) => ({ need, layer }))),
  ];
}

/** The first attention of a model whose heads score keys; undefined where there is none. */
export function firstScoring({ layers }: Pick<ModelSpec, "layers">) {
  return layers.map(({ attention }) => scoring(attention)).find((attention) => attention !== null);
}

/** The first mixture of experts of a model; undefined where there is none. */
export function firstRouted({ layers }: Pick<ModelSpec, "layers">) {
  return layers.map(({ mlp }) => routed(mlp)).find((mlp) => mlp !== null);
}

/** Layers whose state of a text cannot be continued by several others. */
export function layersWithoutForks({ layers }: Pick<ModelSpec, "layers">): number[] {
  return layers.flatMap(({ attention }, l) => attention && !mixerKind(attention).forks ? [l] : []);
}

/** Throws `TypeError` for a model with such layers; `task` is impossible with them: "export NAME to ONNX". */
export function expectForks(spec: Pick<ModelSpec, "layers">, task: string): void {
  const [first, ...others] = layersWithoutForks(spec);
  if (first === undefined) return;
  throw new TypeError(
    `Cannot ${task}: ${mixerKind(spec.layers[first].attention!).title} mixes the tokens in layers ` +
      `${[first, ...others].join(" ")}, expected attention with keys and values in every layer`,
  );
}

/** Fields in keys that are older than the names of kinds: results kept before are still found. */
const KEYED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  softmax: { kind: undefined },
  latent: { kind: undefined, qkNorm: null },
  delta: { kind: "linear" },
  dense: { kind: undefined },
  mixture: { kind: undefined },
};

/** A specification as keys of results have it. */
export function specKey(spec: ModelSpec): unknown {
  const keyed = (module: MixerSpec | FeedSpec | null) => module && { ...module, ...KEYED[module.kind] };
  const layers = spec.layers.map((layer) => ({
    ...layer,
    attention: keyed(layer.attention),
    mlp: keyed(layer.mlp),
  }));
  return { ...spec, layers };
}

/** Changes to a model's shape; all other sizes follow or stay the same. */
export interface Reshaping {
  /** Width of the stream, D. The inner widths of attention and MLP scale in proportion; the number of heads stays the same. */
  readonly hidden?: number | undefined;
  /** Number of layers, L. Layers repeat in the model's own order. */
  readonly layers?: number | undefined;
  /** Number of heads, H, at the same total width; key heads scale in proportion. */
  readonly heads?: number | undefined;
  /** Norm placement of every module, in place of the family's. */
  readonly norm?: "pre" | "peri" | "post" | undefined;
}

/** Changes a model's shape. Throws `RangeError` if a width does not divide into heads. */
export function reshape(spec: ModelSpec, changes: Reshaping): ModelSpec {
  const { hidden = spec.hidden, layers = spec.layers.length } = changes;
  const ratio = hidden / spec.hidden;
  return {
    ...spec,
    hidden,
    layers: Array.from({ length: layers }, (_, l) => {
      const { attention, mlp, ...layer } = spec.layers[l % spec.layers.length];
      return {
        ...layer,
        attention: attention && kindOf(attention).reshaped(attention, ratio, changes),
        mlp: mlp && kindOf(mlp).reshaped(mlp, ratio, changes),
      };
    }),
    embeddingScale: spec.embeddingScale === 1 ? 1 : Math.fround(spec.embeddingScale * Math.sqrt(ratio)),
  };
}
