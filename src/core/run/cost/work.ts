/**
 * The work of running some tokens, module by module: bytes to move, and multiplications and additions. Exact for products and
 * attention; norms, activations and the stream itself are left out, being a thousandth of them.
 *
 * Every weight is read once for all tokens and texts; of a mixture those of the experts that some token has chosen, were all chosen
 * alike and each token by itself: X (1 − (1 − k / X)^N) of X for N tokens of k each. Keys and values are read once for each text. The head is for the last token.
 */
import { sum } from "../../entry/mod.ts";
import { type DropPlan, type LayerModule, MODULES, type Work } from "../../measure/mod.ts";
import {
  type FeedSpec,
  kindOf,
  mixerKind,
  type MixerSpec,
  type ModelSpec,
  modelTensors,
  type TensorNeed,
} from "../../models/mod.ts";
import { cpuLowering } from "../../onnx/mod.ts";
import { elements } from "../../tensor/mod.ts";
import { changedSpec, isRun } from "../plan/variants.ts";

/** How many bytes weights, keys and values take. */
export interface Bytes {
  /** Of a tensor of layer l, or of one outside the layers (null). */
  weight(l: number | null, name: string, shape: readonly number[]): number;
  /** Of a number of a key or value. */
  readonly key: number;
}

/** The same for all numbers of a kind: of a layer's matrices, of any other weight, of a key or value. */
export function bytesEach(
  { matrix, other, key }: Readonly<Record<"matrix" | "other" | "key", number>>,
): Bytes {
  return {
    key,
    weight: (l, _, shape) => (l !== null && shape.length === 2 ? matrix : other) * elements(shape),
  };
}

export const FLOAT32: Bytes = bytesEach({ matrix: 4, other: 4, key: 4 });

export const HALF: Bytes = bytesEach({ matrix: 2, other: 2, key: 2 });

/** New tokens in each of some texts, after `past` others. */
export type NewTokens = { readonly texts: number; readonly tokens: number; readonly past: number };

/** A module that runs `count` times: its products with weights, and the work of attention with keys and values. */
export interface ModuleWork {
  readonly module: "attention" | "mlp" | "head";
  readonly count: number;
  readonly products: Work;
  readonly core: Work | null;
}

/** The work of all modules that a plan leaves, for some new tokens; equal modules of equal bytes are together. */
export function workOf(spec: ModelSpec, plan: DropPlan, bytes: Bytes): (step: NewTokens) => ModuleWork[] {
  const { layers } = changedSpec(spec, plan);
  const works = MODULES.flatMap((module) => {
    const all = layers.map((layer, l) => ({ own: layer[module], l })).filter(({ own }) => isRun(own)).map(
      ({ own, l }) => {
        const weight: TensorBytes = ([name, shape]) => bytes.weight(l, name, shape);
        return { own: own!, groups: groupsOf(own!, spec.hidden, module, weight) };
      },
    );
    return alike(all).map(([{ own, groups }, count]) => {
      const core = module === "attention" ? coreOf(own as MixerSpec, bytes) : () => null;
      return (step: NewTokens): ModuleWork => {
        const tokens = step.texts * step.tokens;
        const read = groups.map(({ count, top, bytes }) => bytes * count * (1 - (1 - top / count) ** tokens));
        const products = { bytes: sum(read), flops: productFlops(groups, tokens) };
        return { module, count, products, core: core(step) };
      };
    });
  });
  const shape = [spec.vocabulary, spec.hidden];
  const read = bytes.weight(null, "head.weight", shape);
  const head = ({ texts }: NewTokens): ModuleWork => (
    { module: "head", count: 1, products: { bytes: read, flops: 2 * elements(shape) * texts }, core: null }
  );
  return (step) => [...works, head].map((work) => work(step));
}

/** Bytes of all weights that a plan leaves, the embedding included; a tied head is the embedding. */
export function weightBytes(spec: ModelSpec, plan: DropPlan, bytes: Bytes): number {
  return sum(
    modelTensors(changedSpec(spec, plan)),
    ({ need: [name, shape], layer = null }) => bytes.weight(layer, name, shape),
  );
}

/** Bytes of the keys and values, or states, that one text of that many tokens needs; of a window, those that its last token sees. */
export function keyBytes(spec: ModelSpec, plan: DropPlan, tokens: number, bytes: Bytes): number {
  return sum(
    changedSpec(spec, plan).layers,
    ({ attention }) => attention ? bytes.key * remembered(attention, tokens, true) : 0,
  );
}

export type TensorBytes = (need: TensorNeed) => number;

/** Some of a module's weights, of which a token meets `top` of `count` sets: bytes and numbers of matrices of one set. */
interface GroupWork {
  readonly count: number;
  readonly top: number;
  readonly bytes: number;
  readonly matrices: number;
}

function groupsOf(
  spec: MixerSpec | FeedSpec,
  hidden: number,
  at: LayerModule,
  weight: TensorBytes,
): GroupWork[] {
  return kindOf(spec).groups(spec, hidden, at).map(({ tensors, count, top }) => (
    { count, top, bytes: sum(tensors, weight), matrices: matrices(tensors) }
  ));
}

function productFlops(groups: readonly GroupWork[], tokens: number): number {
  return 2 * tokens * sum(groups, ({ top, matrices }) => top * matrices);
}

/** Operations of a module's products with its weights. */
export function flopsOf(spec: MixerSpec | FeedSpec, hidden: number, at: LayerModule, tokens: number): number {
  return productFlops(groupsOf(spec, hidden, at, () => 0), tokens);
}

/** Two products of every query with each key that it sees; or states, read once for each text. Null where nothing is remembered. */
export function coreOf(spec: MixerSpec, bytes: Pick<Bytes, "key">): (step: NewTokens) => Work | null {
  return ({ texts, tokens, past }) => {
    const core = mixerKind(spec).core(spec, tokens, past);
    return core && { bytes: texts * bytes.key * remembered(spec, core.rows), flops: texts * core.flops };
  };
}

/** Bytes of a module's weights that are at hand together: those that all tokens need, and one of the groups beside them. */
export function bytesAtOnce(
  spec: MixerSpec | FeedSpec,
  hidden: number,
  at: LayerModule,
  weight: TensorBytes,
): number {
  const [always, ...others] = groupsOf(spec, hidden, at, weight).map(({ bytes }) => bytes);
  return always + Math.max(0, ...others);
}

/** Equal modules once, with their number. */
function alike<Spec>(modules: readonly Spec[]): [Spec, number][] {
  const groups = Map.groupBy(modules, (module) => JSON.stringify(module));
  return [...groups.values()].map((group) => [group[0], group.length]);
}

function matrices(tensors: readonly TensorNeed[]): number {
  return sum(tensors, ([, shape]) => shape.length === 2 ? elements(shape) : 0);
}

/** Numbers that a text leaves behind in a layer, all or only those in sight at its end; states do not grow with it. */
function remembered(mixer: MixerSpec, tokens: number, inSight = false): number {
  return sum(
    mixerKind(mixer).memory(mixer, cpuLowering, 1),
    ({ shape, seen }) => elements(shape(inSight && seen ? Math.min(tokens, seen + 1) : tokens)),
  );
}
