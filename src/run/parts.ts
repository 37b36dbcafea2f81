/**
 * A layer's weights as they are fed: whole, or in parts if a layer is large compared with the memory and its source can make
 * a part alone.
 *
 * Attention is a sum over its heads and an MLP one over its inner units, so each can be run part by part, every part
 * adding to the sum of those before it; the last has the norm behind the module. A part is asked for again by every
 * batch of samples: making weights costs a tenth of a full batch's products with them.
 *
 * Limit: attention whose q/k norm spans all heads stays whole.
 */
import { type AttentionSpec, type LayerSpec, layerTensors, type MlpSpec, type Model } from "../models/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import { elements, type Tensor } from "../tensor/mod.ts";
import type { Cut, Lease } from "../weights/mod.ts";
import { freeAll, withUploaded } from "./held.ts";

/** Some of a module, and its weights for as long as `use` runs. */
export interface Part<Spec> {
  readonly spec: Spec;
  /** Weights as they are stored: F16 and BF16 are widened in the graph, where that takes no copy of the layer here. */
  use<T>(run: Use<T>): Promise<T>;
}

/** What is done with a part's weights, which are held by the engine; `tensors` is where they came from. */
type Use<T> = (
  weights: Readonly<Record<string, Held>>,
  tensors: Readonly<Record<string, Tensor>>,
) => Promise<T>;

/** An update without an MLP: one part, which needs no weights. */
export const withoutWeights: Part<null> = { spec: null, use: (run) => run({}, {}) };

/** A layer, ready to be fed. */
export interface LayerParts {
  readonly attention: readonly Part<AttentionSpec>[];
  readonly mlp: readonly Part<MlpSpec>[];
  release(): void;
}

/** Bytes of float32 weights that a part has at most, if a module can be cut so far. */
export const PART_BYTES = 128 * 2 ** 20;

/** Layer l of a model; in parts where it is larger than one, unless it is wanted `whole`. */
export async function layerParts(
  model: Model,
  engine: Engine,
  l: number,
  whole: boolean,
): Promise<LayerParts> {
  const layer = model.spec.layers[l];
  if (whole || !model.weights.part || bytesOf(layer, model.spec.hidden) <= PART_BYTES) {
    return wholeLayer(layer, engine, await model.weights.layer(l));
  }
  return cutLayer(model, engine, l);
}

/** Bytes of a layer's weights in float32. */
function bytesOf(layer: LayerSpec, hidden: number): number {
  return layerTensors(layer, hidden).reduce((sum, [, shape]) => sum + 4 * elements(shape), 0);
}

/** A layer whose weights are uploaded once, for all that runs through it. */
function wholeLayer({ attention, mlp }: LayerSpec, engine: Engine, lease: Lease): LayerParts {
  const tensors = Object.fromEntries(lease.tensors);
  const weights: Record<string, Held> = {};
  const release = () => {
    freeAll(weights);
    lease.release();
  };
  try {
    for (const [name, tensor] of lease.tensors) weights[name] = engine.upload(tensor);
  } catch (error) {
    release();
    throw error;
  }
  const part = <Spec>(spec: Spec | null) =>
    spec ? [{ spec, use: <T>(run: Use<T>) => run(weights, tensors) }] : [];
  return { attention: part(attention), mlp: part(mlp), release };
}

function cutLayer(model: Model, engine: Engine, l: number): LayerParts {
  const { hidden, layers } = model.spec;
  const { attention, mlp } = layers[l];
  const part = <Spec>(spec: Spec, layer: Partial<LayerSpec>, cuts: Cuts): Part<Spec> => ({
    spec,
    async use(run) {
      const names = layerTensors({ residual: "sequential", attention: null, mlp: null, ...layer }, hidden);
      const lease = await model.weights.part!(
        l,
        new Map(names.map(([name]) => [name, cuts[name.slice(0, name.lastIndexOf("."))]?.(name) ?? null])),
      );
      try {
        const tensors = Object.fromEntries(lease.tensors);
        return await withUploaded(engine, tensors, (weights) => run(weights, tensors));
      } finally {
        lease.release();
      }
    },
  });
  return {
    attention: attention
      ? cutAttention(attention, hidden).map(({ spec, cuts }) => part(spec, { attention: spec }, cuts))
      : [],
    mlp: mlp ? cutMlp(mlp, hidden).map(({ spec, cuts }) => part(spec, { mlp: spec }, cuts)) : [],
    release() {},
  };
}

/** By a linear layer's name: what of its weight or bias belongs to the part. */
type Cuts = Readonly<Record<string, ((name: string) => Cut | null) | undefined>>;

/** Rows of a projection that reads the stream. */
const rows = (start: number, end: number) => (): Cut => ({ axis: 0, start, end });
/** Columns of one that writes to it; its bias is whole. */
const columns = (start: number, end: number) => (name: string): Cut | null =>
  name.endsWith(".bias") ? null : { axis: 1, start, end };

/** Attention by groups of key heads. */
function cutAttention(spec: AttentionSpec, hidden: number): { spec: AttentionSpec; cuts: Cuts }[] {
  const { heads, kvHeads, headSize, norm, qkNorm } = spec;
  const bytes = bytesOf({ residual: "sequential", attention: spec, mlp: null }, hidden);
  const parts = qkNorm?.over === "width" ? [[0, kvHeads]] : ranges(kvHeads, bytes);
  const shared = heads / kvHeads;
  return parts.map(([start, end]) => {
    const [keys, queries] = [[start, end], [start * shared, end * shared]]
      .map(([first, last]) => [first * headSize, last * headSize] as const);
    return {
      spec: {
        ...spec,
        heads: (end - start) * shared,
        kvHeads: end - start,
        norm: { ...norm, post: end === kvHeads ? norm.post : null },
      },
      cuts: {
        "attention.q_proj": rows(...queries),
        "attention.k_proj": rows(...keys),
        "attention.v_proj": rows(...keys),
        "attention.o_proj": columns(...queries),
      },
    };
  });
}

/** An MLP by its inner units. */
function cutMlp(spec: MlpSpec, hidden: number): { spec: MlpSpec; cuts: Cuts }[] {
  const bytes = bytesOf({ residual: "sequential", attention: null, mlp: spec }, hidden);
  return ranges(spec.size, bytes).map(([start, end]) => ({
    spec: {
      ...spec,
      size: end - start,
      norm: { ...spec.norm, post: end === spec.size ? spec.norm.post : null },
    },
    cuts: {
      "mlp.gate_proj": rows(start, end),
      "mlp.up_proj": rows(start, end),
      "mlp.down_proj": columns(start, end),
    },
  }));
}

/** `count` units of `bytes` together, cut into as few equal ranges as keep each below the limit. */
function ranges(count: number, bytes: number): (readonly [number, number])[] {
  const size = Math.ceil(count / Math.ceil(bytes / PART_BYTES));
  return Array.from(
    { length: Math.ceil(count / size) },
    (_, i) => [i * size, Math.min((i + 1) * size, count)] as const,
  );
}
