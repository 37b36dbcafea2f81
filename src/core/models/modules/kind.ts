/**
 * The interface of a kind of module. A kind is a file of this folder and a line of list.ts. It declares its specification, tensors,
 * graphs, memory of a text, cost and pieces, and the formats that cannot express it; the rooms know nothing else of it.
 */
import type { Dim, Graph, Lowering, Value } from "../../onnx/mod.ts";
import type { LayerModule } from "../../measure/mod.ts";
import type { AnyModule, NormPlacement, TensorNeed } from "../pieces.ts";
import type { Extent, Heads } from "../values/attention.ts";
import { rowsOf } from "../values/inputs.ts";
import type { Weights } from "../values/linear.ts";
import type { SharedInputs } from "../values/past.ts";
import type { Rotary } from "../values/rope.ts";
import type { Piece } from "./cuts.ts";

/** The declarations of every kind. `at` is the place of the module in its layer, which names its tensors. */
export interface Kind<Spec extends AnyModule> {
  readonly kind: Spec["kind"];
  /** In words, for errors: "linear attention". */
  readonly title: string;
  /** Its tensors by canonical name, in the order in which graphs declare them. */
  tensors(spec: Spec, hidden: number, at: LayerModule): TensorNeed[];
  /** How tokens meet the weights. */
  groups(spec: Spec, hidden: number, at: LayerModule): WeightGroup[];
  /** Whether it only adds stored numbers: no module is counted as run. */
  readonly idle?: true;
  /** Numbers that are made of a token on its way through the module. */
  width(spec: Spec): number;
  /** The module in pieces of at most `most` bytes of float32 weights, if it can be cut so. */
  cut(spec: Spec, hidden: number, most: number, at: LayerModule): readonly Piece<Spec>[];
  /** The module at `ratio` times the width. Throws `RangeError` for sizes that are no whole numbers. */
  reshaped(spec: Spec, ratio: number, changes: ModuleChanges): Spec;
  /** By format of export that cannot express it: why, "has …". */
  readonly inexpressible: Readonly<Record<string, string>>;
}

export interface MixerKind<Spec extends AnyModule> extends Kind<Spec> {
  /** The module in a pass over whole texts, or over segments of them. */
  pass(x: Value, spec: Spec, pass: Pass): AttentionTaps;
  /** The update [B·T, D] of new tokens after a past. */
  step(x: Value, spec: Spec, weights: Weights, step: Step): Value;
  /** The tensors that hold the tokens so far between graphs of new tokens. */
  memory(spec: Spec, lowering: Lowering, texts: number): readonly Slot[];
  /** Rows of the memory that new tokens of one text read, and their operations with it; null where nothing is remembered. */
  core(spec: Spec, tokens: number, past: number): { readonly rows: number; readonly flops: number } | null;
  /** Numbers of every token that have to be kept. */
  kept(spec: Spec): number;
  /** Heads, and numbers of each, of the values that probes see inside; null where there are none. */
  inside(spec: Spec): Readonly<Record<InnerName, readonly [heads: number, size: number]>> | null;
  /** Whether several segments can continue the same text. */
  readonly forks: boolean;
  /** The name of such a layer in Hugging Face's `layer_types`. */
  layerType(spec: Spec): string;
  /** The heads that score keys; absent where a kind has none. */
  readonly scoring?: Scoring<Spec>;
}

export interface FeedKind<Spec extends AnyModule> extends Kind<Spec> {
  /** The update of rows [N, D] before the norm behind it; `sum` is that of other pieces of the module, the bias in it. */
  raw(x: Value, spec: Spec, weights: Weights, sum: Value | null, at: LayerModule): Value;
  /** Whether it is run expert by expert (graphs/experts.ts); else one graph has the whole module. */
  readonly routed?: true;
}

/** Heads that score keys: how a graph makes them, and the sizes they have. */
export interface Scoring<Spec> {
  /** Heads of the stream x [N, D] of samples that each start at the tables' first row, whose length may be unknown (−1). */
  project(x: Value, spec: Spec, weights: Weights, rotary: Rotary | null, extent: Extent): Projected;
  /** Numbers of a head's q and k, and of its v; both are run at `headSize`, zeros behind. */
  sizes(spec: Spec): { readonly key: number; readonly value: number };
}

/** Heads [N, H·E] and [N, K·E], and the gate of the mixed values [N, H·E]. */
type Projected = Heads & { readonly gate?: Value };

/** Some weights, of `count` equal sets of which a token meets `top`; 1 of 1 where all tokens meet them. */
type WeightGroup = { readonly tensors: readonly TensorNeed[]; readonly count: number; readonly top: number };

/** A tensor that is remembered, and the axis along which it grows with the tokens (null: it does not). */
interface Slot {
  readonly name: string;
  shape<D extends Dim>(tokens: D): (D | number)[];
  readonly grows: number | null;
  /** Whether new rows are written behind the old ones in the same memory, which then has rows to spare. */
  readonly inPlace: boolean;
  /** How many of the last rows later tokens see; absent where they see all. */
  readonly seen?: number | undefined;
}

/**
 * Values inside attention: q and mixed [T, H, E], k and v [T, K, E]; q and k as they meet (normed, rotated). Latent attention has
 * its own size of v and mixed, and its rotated numbers come first. In linear attention q and k are [T, K, E], v and mixed [T, H, V].
 */
export const INNER = ["q", "k", "v", "mixed"] as const;
export type InnerName = typeof INNER[number];

export interface ModuleChanges {
  readonly heads?: number | undefined;
  readonly norm?: "pre" | "peri" | "post" | undefined;
}

/**
 * Values inside attention, for probes: q, k as they meet (normed, rotated) and v; [B·T, H·E] and [B·T, K·E].
 * `mixed` are the values as each head mixed them [B·T, H·E]. Where the kind has nothing inside (`inside`), all of them are the input of
 * the norm behind the module; a itself where there is none.
 */
export interface AttentionTaps {
  readonly x: Value;
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly mixed: Value;
  readonly a: Value;
}

/** Tokens that attention sees besides those before each in its own text. */
export interface SegmentOptions {
  /** A mask says which tokens see which, and where each stands: input `mask`; `cos` and `sin` have a row for each token. */
  readonly masked?: boolean;
  /** Tokens before all of these: inputs `past_key` and `past_value` [P, K·E]. Needs a mask. */
  readonly past?: boolean;
  /** Others come after these: outputs `key` and `value` [P + N, K·E], of one sample. */
  readonly keep?: boolean;
}

/** A graph to which a mixer adds itself. Its calls of `weights` and `sum` declare these inputs. */
export interface Pass extends SegmentOptions {
  readonly graph: Graph;
  readonly extent: Extent;
  readonly lowering: Lowering;
  weights(): Weights;
  /** The sum of other pieces of the module, [B·T, D]; null where it is whole or the first. */
  sum(): Value | null;
  /** Values inside that are inputs [B·T, H·E] of the graph, in the place of those that the module makes; default: none. */
  readonly given?: readonly InnerName[];
}

/** A value [N, W] inside: the input of its name, where a pass is given it. */
export function orGiven(
  { graph, extent, given }: Pick<Pass, "graph" | "extent" | "given">,
  name: InnerName,
  width: number,
  make: () => Value,
): Value {
  return given?.includes(name) ? graph.input(name, "f32", [rowsOf(extent), width]) : make();
}

/** The same for new tokens of B texts; `past` declares the memory as inputs by the slots' names, `present` gives the next. */
export interface Step {
  readonly texts: number;
  readonly lowering: Lowering;
  readonly shared: SharedInputs;
  past(): Record<string, Value>;
  present(memory: Readonly<Record<string, Value>>): void;
}

/** Norms in the places that the changes name; without such a change, the norms of the module. */
export function placed(found: NormPlacement, { norm: wanted }: ModuleChanges): NormPlacement {
  if (!wanted) return found;
  const norm = found.pre ?? found.post;
  return { pre: wanted === "post" ? null : norm, post: wanted === "pre" ? null : norm };
}

/** One group that all tokens meet. */
export const together = (tensors: readonly TensorNeed[]): WeightGroup[] => [{ tensors, count: 1, top: 1 }];
