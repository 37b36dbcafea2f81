/** What a run will take, in floating-point operations and bytes, before anything is read. */
import {
  type DeltaNetSpec,
  isLinear,
  isMixture,
  type LayerSpec,
  layerTensors,
  type MixerSpec,
  type MlpSpec,
  type ModelSpec,
  type MoeSpec,
} from "../models/mod.ts";
import type { DropPlan } from "./plan.ts";
import { DEFAULT_BUDGET } from "./forward.ts";
import { BATCH_TOKENS, batchSize } from "./segments.ts";
import { branches } from "./trie.ts";

/** The price of running plans over N blocks of T tokens. */
export interface Cost {
  /** Modules run, counted once for all samples. */
  readonly modules: number;
  /** Multiplications and additions of all products, attention's causal half included. */
  readonly flops: number;
  /** Bytes of the streams that exist together, with what a module makes of one batch beyond the usual, and of one layer's
   * weights in float32. */
  readonly stateBytes: number;
  readonly layerBytes: number;
}

/** Prices the layers, and with `head` the predictions. */
export function cost(
  spec: ModelSpec,
  plans: readonly DropPlan[],
  { samples, length }: { readonly samples: number; readonly length: number },
  head: boolean,
): Cost {
  const tokens = samples * length;
  let groups: readonly (readonly number[])[] = [plans.map((_, index) => index)];
  let [modules, flops, widest] = [0, 0, 1];
  spec.layers.forEach((layer, l) => {
    const ways = groups.map((members) => branches(plans, members, layer, l));
    for (const group of ways) {
      if (group.some((way) => way.attention)) {
        modules++;
        flops += tokens * mixerFlops(layer.attention!, spec.hidden, length);
      }
      const mlps = group.filter((way) => way.mlp).length;
      modules += mlps;
      if (mlps) flops += mlps * tokens * 2 * multiplied(layer.mlp!, spec.hidden);
    }
    groups = ways.flat().map((way) => way.plans);
    widest = Math.max(widest, groups.length);
  });
  if (head) flops += 2 * plans.length * samples * (length - 1) * spec.hidden * spec.vocabulary;
  const weights = (layer: LayerSpec) =>
    (layer.attention ? mixerWeights(layer.attention, spec.hidden) : 0) +
    (layer.mlp ? weightsAtOnce(layer.mlp, spec.hidden) : 0);
  const atOnce = Math.min(tokens, length * batchSize(length));
  const streams = (count: number) => 4 * widest * count * spec.hidden;
  const beyond = Math.max(0, atOnce - BATCH_TOKENS) * 4 * Math.max(...spec.layers.map(widthOf));
  return {
    modules,
    flops,
    stateBytes: Math.max(streams(atOnce), Math.min(streams(tokens), DEFAULT_BUDGET)) + beyond,
    layerBytes: 4 * Math.max(...spec.layers.map(weights)),
  };
}

/** Numbers that the wider module of a layer makes of a token on its way. */
function widthOf({ attention, mlp }: LayerSpec): number {
  const own = attention && !isLinear(attention) ? attention.heads * attention.headSize : 0;
  const dense = isMixture(mlp) ? mlp.expert : mlp;
  return Math.max(4 * own, dense ? (dense.gated ? 3 : 2) * dense.size : 0);
}

/** The elements of its matrices. */
function mixerWeights(attention: MixerSpec, hidden: number): number {
  const tensors = layerTensors({ residual: "sequential", attention, mlp: null }, hidden);
  return tensors.reduce((sum, [, shape]) => shape.length === 2 ? sum + shape[0] * shape[1] : sum, 0);
}

/** Per token: its projections, and two products with the keys it sees (half of T on average, at most the window), or three with the states. */
function mixerFlops(spec: MixerSpec, hidden: number, length: number): number {
  const projections = 2 * mixerWeights(spec, hidden);
  if (isLinear(spec)) return projections + stateFlops(spec);
  const seen = Math.min(length / 2, spec.window ?? Infinity);
  return projections + 4 * seen * spec.heads * spec.headSize;
}

/** Per token of linear attention: what its states recall of the key and of the query, and what they gain. */
export function stateFlops({ valueHeads, keySize, valueSize }: DeltaNetSpec): number {
  return 6 * valueHeads * keySize * valueSize;
}

/** Weights that a token is multiplied with: of a mixture its router's, its own experts' and what all tokens pass through. */
function multiplied(spec: MlpSpec | MoeSpec, hidden: number): number {
  if (!isMixture(spec)) return mlpWeights(spec, hidden);
  const shared = spec.shared ? mlpWeights(spec.shared, hidden) : 0;
  return hidden * spec.experts + spec.top * mlpWeights(spec.expert, hidden) + shared;
}

/** Weights that are at hand together: a mixture's are one expert's, or what all tokens pass through. */
function weightsAtOnce(spec: MlpSpec | MoeSpec, hidden: number): number {
  if (!isMixture(spec)) return mlpWeights(spec, hidden);
  const { expert, shared } = spec;
  return hidden * spec.experts +
    Math.max(...[expert, shared].map((one) => one ? mlpWeights(one, hidden) : 0));
}

function mlpWeights(spec: Omit<MlpSpec, "norm">, hidden: number): number {
  return hidden * spec.size * (spec.gated ? 3 : 2);
}
