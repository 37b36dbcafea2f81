/**
 * What running some tokens takes, module by module: bytes to move, and multiplications and additions. Exact for products and
 * attention; norms, activations and the stream itself are left out, being a thousandth of them.
 *
 * Every weight is read once for all tokens and texts; of a mixture those of the experts that some token has chosen, were all chosen
 * alike and each token by itself: X (1 − (1 − k / X)^N) of X for N tokens of k each. Keys and values are read once for each text. The head is for the last token.
 */
import type { Work } from "../measure/mod.ts";
import {
  type AttentionSpec,
  expertTensors,
  isMixture,
  type LayerSpec,
  layerTensors,
  type ModelSpec,
  type MoeSpec,
  normTensors,
  outerTensors,
  routerTensors,
  sharedTensors,
  type TensorNeed,
} from "../models/mod.ts";
import { elements } from "../tensor/mod.ts";
import type { DropPlan } from "./plan.ts";

/** Bytes of a number: of a layer's matrices, of any other weight, of a key or value. */
export interface NumberBytes {
  readonly matrix: number;
  readonly other: number;
  readonly key: number;
}

/** Everything in float32. */
export const FLOAT32: NumberBytes = { matrix: 4, other: 4, key: 4 };

/** So many new tokens in each of some texts, after as many as `past`. */
export interface NewTokens {
  readonly texts: number;
  readonly tokens: number;
  readonly past: number;
}

/** A module that runs `count` times: its products with weights, and what attention does with keys and values. */
export interface ModuleWork {
  readonly module: "attention" | "mlp" | "head";
  readonly count: number;
  readonly products: Work;
  readonly core: Work | null;
}

/** The work of all modules that a plan leaves, for some new tokens; equal modules are together. */
export function workOf(
  spec: ModelSpec,
  plan: DropPlan,
  bytes: NumberBytes,
): (step: NewTokens) => ModuleWork[] {
  const layers = keptLayers(spec, plan);
  const attentions = alike(layers.map(({ attention }) => attention)).map(([attention, count]) => {
    const own = weightsOf(moduleTensors(spec, { attention }), bytes);
    return (step: NewTokens): ModuleWork => (
      { module: "attention", count, products: productsOf(own, step), core: coreOf(attention, step, bytes) }
    );
  });
  const mlps = alike(layers.map(({ mlp }) => mlp)).map(([mlp, count]) => {
    const products = isMixture(mlp)
      ? mixtureProducts(mlp, spec.hidden, bytes)
      : (step: NewTokens) => productsOf(weightsOf(moduleTensors(spec, { mlp }), bytes), step);
    return (step: NewTokens): ModuleWork => ({ module: "mlp", count, products: products(step), core: null });
  });
  const matrix = spec.vocabulary * spec.hidden;
  const ofHead = { bytes: bytes.other * matrix, multiplied: matrix };
  const head = ({ texts }: NewTokens): ModuleWork => (
    { module: "head", count: 1, products: productsOf(ofHead, { texts, tokens: 1 }), core: null }
  );
  return (step) => [...attentions, ...mlps, head].map((work) => work(step));
}

/** Bytes of all weights that a plan leaves, the embedding included; a tied head is the embedding. */
export function weightBytes(spec: ModelSpec, plan: DropPlan, bytes: NumberBytes): number {
  const inLayers = keptLayers(spec, plan).flatMap((layer) => layerTensors(layer, spec.hidden));
  const outside = outerTensors(spec).reduce((sum, [, shape]) => sum + bytes.other * elements(shape), 0);
  return outside + tensorBytes(inLayers, bytes);
}

/** Bytes of the keys and values of one text of so many tokens. */
export function keyBytes(spec: ModelSpec, plan: DropPlan, tokens: number, bytes: NumberBytes): number {
  return keptLayers(spec, plan).reduce(
    (sum, { attention }) => sum + (attention ? keyRowBytes(attention, bytes) * tokens : 0),
    0,
  );
}

function keptLayers({ layers }: ModelSpec, plan: DropPlan): LayerSpec[] {
  return layers.map((layer, l) => ({
    ...layer,
    attention: plan.attention.includes(l) ? null : layer.attention,
    mlp: plan.mlp.includes(l) ? null : layer.mlp,
  }));
}

/** The modules that are there, equal ones once, and how many they are. */
function alike<Spec>(modules: readonly (Spec | null)[]): [Spec, number][] {
  const groups = Map.groupBy(modules.filter((module) => module !== null), (module) => JSON.stringify(module));
  return [...groups.values()].map((group) => [group[0], group.length]);
}

function moduleTensors({ hidden }: ModelSpec, module: Partial<LayerSpec>): TensorNeed[] {
  return layerTensors({ residual: "sequential", attention: null, mlp: null, ...module }, hidden);
}

/** A module's weights: bytes of all, and numbers of those that are multiplied. */
interface ModuleWeights {
  readonly bytes: number;
  readonly multiplied: number;
}

function weightsOf(tensors: readonly TensorNeed[], bytes: NumberBytes): ModuleWeights {
  const matrices = tensors.filter(([, shape]) => shape.length === 2);
  return {
    bytes: tensorBytes(tensors, bytes),
    multiplied: matrices.reduce((sum, [, shape]) => sum + elements(shape), 0),
  };
}

function productsOf({ bytes, multiplied }: ModuleWeights, { texts, tokens }: Omit<NewTokens, "past">): Work {
  return { bytes, flops: 2 * multiplied * texts * tokens };
}

/** A mixture's: its router, what all tokens pass through, and the experts that are chosen. */
function mixtureProducts(mlp: MoeSpec, hidden: number, bytes: NumberBytes): (step: NewTokens) => Work {
  const { experts, top, shared } = mlp;
  const always = weightsOf([
    ...routerTensors(mlp, hidden),
    ...(shared ? sharedTensors(shared, hidden) : []),
    ...normTensors("mlp.post_norm", mlp.norm.post, hidden),
  ], bytes);
  const each = weightsOf(expertTensors("expert", mlp.expert, hidden), bytes);
  return ({ texts, tokens }) => {
    const chosen = experts * (1 - (1 - top / experts) ** (texts * tokens));
    const multiplied = always.multiplied + top * each.multiplied;
    return productsOf({ bytes: always.bytes + chosen * each.bytes, multiplied }, { texts, tokens });
  };
}

function tensorBytes(tensors: readonly TensorNeed[], { matrix, other }: NumberBytes): number {
  return tensors.reduce((sum, [, shape]) => sum + (shape.length === 2 ? matrix : other) * elements(shape), 0);
}

/** A key and a value of every head that has its own. */
function keyRowBytes({ kvHeads, headSize }: AttentionSpec, { key }: NumberBytes): number {
  return 2 * key * kvHeads * headSize;
}

/** Two products of every query with each key that it sees. */
function coreOf(spec: AttentionSpec, { texts, tokens, past }: NewTokens, bytes: NumberBytes): Work {
  const window = spec.window ?? Infinity;
  const rows = Math.min(past, window - 1) + tokens;
  return {
    bytes: texts * rows * keyRowBytes(spec, bytes),
    flops: texts * 4 * spec.heads * spec.headSize * keysSeen(past, tokens, window),
  };
}

/** Keys that the tokens see together: each those before it and itself, at most the window. */
function keysSeen(past: number, tokens: number, window: number): number {
  const free = Math.max(0, Math.min(tokens, window - past)); // tokens whose window is not yet full
  return free * past + free * (free + 1) / 2 + (tokens > free ? (tokens - free) * window : 0);
}
