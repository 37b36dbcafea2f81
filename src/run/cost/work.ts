/**
 * The work of running some tokens, module by module: bytes to move, and multiplications and additions. Exact for products and
 * attention; norms, activations and the stream itself are left out, being a thousandth of them.
 *
 * Every weight is read once for all tokens and texts; of a mixture those of the experts that some token has chosen, were all chosen
 * alike and each token by itself: X (1 − (1 − k / X)^N) of X for N tokens of k each. Keys and values are read once for each text. The head is for the last token.
 */
import { type DropPlan, type LayerModule, MODULES, type Work } from "../../measure/mod.ts";
import {
  type FeedSpec,
  kindOf,
  layerTensors,
  mixerKind,
  type MixerSpec,
  type ModelSpec,
  outerTensors,
  type TensorNeed,
} from "../../models/mod.ts";
import { cpuLowering } from "../../onnx/mod.ts";
import { elements } from "../../tensor/mod.ts";
import { changedSpec, isRun } from "../plan/variants.ts";

/** Bytes of a number: of a layer's matrices, of any other weight, of a key or value. */
export interface NumberBytes {
  readonly matrix: number;
  readonly other: number;
  readonly key: number;
}

/** Everything in float32. */
export const FLOAT32: NumberBytes = { matrix: 4, other: 4, key: 4 };

/** Everything in 16 bits. */
export const HALF: NumberBytes = { matrix: 2, other: 2, key: 2 };

/** New tokens in each of some texts, after `past` others. */
export interface NewTokens {
  readonly texts: number;
  readonly tokens: number;
  readonly past: number;
}

/** A module that runs `count` times: its products with weights, and the work of attention with keys and values. */
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
  const { layers } = changedSpec(spec, plan);
  const works = MODULES.flatMap((module) =>
    alike(layers.map((layer) => layer[module]).filter(isRun)).map(([own, count]) => {
      const products = productsOf(own, spec.hidden, module, bytes);
      const core = module === "attention" ? coreOf(own as MixerSpec, bytes) : () => null;
      return (step: NewTokens): ModuleWork => ({ module, count, products: products(step), core: core(step) });
    })
  );
  const matrix = spec.vocabulary * spec.hidden;
  const head = ({ texts }: NewTokens): ModuleWork => {
    const products = { bytes: bytes.other * matrix, flops: 2 * matrix * texts };
    return { module: "head", count: 1, products, core: null };
  };
  return (step) => [...works, head].map((work) => work(step));
}

/** Bytes that one token of one text reads after `past` others: weights, keys and values. */
export function stepBytes(spec: ModelSpec, plan: DropPlan, past: number, bytes: NumberBytes): number {
  const modules = workOf(spec, plan, bytes)({ texts: 1, tokens: 1, past });
  return sumOf(modules.map(({ count, products, core }) => count * (products.bytes + (core?.bytes ?? 0))));
}

/** Bytes of all weights that a plan leaves, the embedding included; a tied head is the embedding. */
export function weightBytes(spec: ModelSpec, plan: DropPlan, bytes: NumberBytes): number {
  const inLayers = changedSpec(spec, plan).layers.flatMap((layer) => layerTensors(layer, spec.hidden));
  const outside = outerTensors(spec).reduce((sum, [, shape]) => sum + bytes.other * elements(shape), 0);
  return outside + tensorBytes(inLayers, bytes);
}

/** Bytes of the keys and values, or states, that one text of that many tokens needs; of a window, those that its last token sees. */
export function keyBytes(spec: ModelSpec, plan: DropPlan, tokens: number, bytes: NumberBytes): number {
  return changedSpec(spec, plan).layers.reduce(
    (sum, { attention }) => sum + (attention ? bytes.key * remembered(attention, tokens, true) : 0),
    0,
  );
}

/** Products of a module with its weights. */
export function productsOf(
  spec: MixerSpec | FeedSpec,
  hidden: number,
  at: LayerModule,
  bytes: NumberBytes,
): (step: Omit<NewTokens, "past">) => Work {
  const groups = kindOf(spec).groups(spec, hidden, at).map(({ tensors, count, top }) => (
    { count, top, bytes: tensorBytes(tensors, bytes), matrices: matrices(tensors) }
  ));
  return ({ texts, tokens }) => {
    const read = groups.map(({ count, top, bytes }) =>
      bytes * count * (1 - (1 - top / count) ** (texts * tokens))
    );
    return { bytes: sumOf(read), flops: 2 * texts * tokens * multiplied(groups) };
  };
}

/** Two products of every query with each key that it sees; or states, read once for each text. Null where nothing is remembered. */
export function coreOf(spec: MixerSpec, bytes: NumberBytes): (step: NewTokens) => Work | null {
  return ({ texts, tokens, past }) => {
    const core = mixerKind(spec).core(spec, tokens, past);
    return core && {
      bytes: texts * bytes.key * remembered(spec, core.rows),
      flops: texts * core.flops,
    };
  };
}

/** Numbers of a module's matrices that are at hand together: those that all tokens need, and one of the groups beside them. */
export function matricesAtOnce(spec: MixerSpec | FeedSpec, hidden: number, at: LayerModule): number {
  const [always, ...others] = kindOf(spec).groups(spec, hidden, at).map(({ tensors }) => matrices(tensors));
  return always + Math.max(0, ...others);
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

const multiplied = (groups: readonly { readonly top: number; readonly matrices: number }[]) =>
  sumOf(groups.map(({ top, matrices }) => top * matrices));

/** Equal modules once, with their number. */
function alike<Spec>(modules: readonly Spec[]): [Spec, number][] {
  const groups = Map.groupBy(modules, (module) => JSON.stringify(module));
  return [...groups.values()].map((group) => [group[0], group.length]);
}

function matrices(tensors: readonly TensorNeed[]): number {
  return sumOf(tensors.map(([, shape]) => shape.length === 2 ? elements(shape) : 0));
}

function tensorBytes(tensors: readonly TensorNeed[], { matrix, other }: NumberBytes): number {
  return sumOf(tensors.map(([, shape]) => (shape.length === 2 ? matrix : other) * elements(shape)));
}

/** Numbers that a text leaves behind in a layer, all or only those in sight at its end; states do not grow with it. */
function remembered(mixer: MixerSpec, tokens: number, inSight = false): number {
  return sumOf(
    mixerKind(mixer).memory(mixer, cpuLowering, 1).map(({ shape, seen }) =>
      elements(shape(inSight && seen ? Math.min(tokens, seen.first + seen.last + 1) : tokens))
    ),
  );
}
