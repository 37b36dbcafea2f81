/**
 * A layer's weights as they are fed: whole, or in parts (cuts.ts) where they are more than the engine takes at once, or many
 * compared with the memory and their source can make a part alone.
 *
 * Weights of a lease are uploaded once for all that runs through the layer. A part that is made alone is asked for again by
 * every batch of samples: making weights costs a tenth of a full batch's products with them.
 */
import type { AttentionSpec, MlpSpec, Model } from "../models/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import { cutTensors, type Lease } from "../weights/mod.ts";
import { bytesOf, cutAttention, cutMlp, type Piece } from "./cuts.ts";
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

/** The pieces of both modules of a layer. */
interface LayerPieces {
  readonly attention: readonly Piece<AttentionSpec>[];
  readonly mlp: readonly Piece<MlpSpec>[];
}

/** Bytes of float32 weights that are asked for at once of a source that can make a part alone. */
export const PART_BYTES = 128 * 2 ** 20;

/** Layer l of a model; its attention in one part if `wholeAttention`, which what observes all its heads needs. */
export async function layerParts(
  { spec: { hidden, layers }, weights }: Model,
  engine: Engine,
  l: number,
  wholeAttention: boolean,
): Promise<LayerParts> {
  const { attention, mlp } = layers[l];
  const { bindingBytes } = engine.has;
  const most = weights.part ? Math.min(PART_BYTES, bindingBytes) : bindingBytes;
  const pieces = {
    attention: attention ? cutAttention(attention, hidden, wholeAttention ? Infinity : most) : [],
    mlp: mlp ? cutMlp(mlp, hidden, most) : [],
  };
  return weights.part && bytesOf(layers[l], hidden) > PART_BYTES
    ? madeParts(pieces, engine, (cuts) => weights.part!(l, cuts))
    : leasedParts(pieces, engine, await weights.layer(l));
}

/** Parts of one lease, all of them held at once. */
function leasedParts(pieces: LayerPieces, engine: Engine, lease: Lease): LayerParts {
  const held: Held[] = [];
  const release = () => {
    freeAll(held);
    lease.release();
  };
  const part = <Spec>({ spec, cuts }: Piece<Spec>): Part<Spec> => {
    const tensors = cutTensors(lease.tensors, cuts);
    const weights: Record<string, Held> = {};
    for (const [name, tensor] of tensors) held.push(weights[name] = engine.upload(tensor));
    return { spec, use: (run) => run(weights, Object.fromEntries(tensors)) };
  };
  try {
    return { attention: pieces.attention.map(part), mlp: pieces.mlp.map(part), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Parts that are made one at a time, when they are used. */
function madeParts(
  pieces: LayerPieces,
  engine: Engine,
  make: (cuts: Piece<unknown>["cuts"]) => Promise<Lease>,
): LayerParts {
  const part = <Spec>({ spec, cuts }: Piece<Spec>): Part<Spec> => ({
    spec,
    async use(run) {
      const lease = await make(cuts);
      try {
        const tensors = Object.fromEntries(lease.tensors);
        return await withUploaded(engine, tensors, (weights) => run(weights, tensors));
      } finally {
        lease.release();
      }
    },
  });
  return { attention: pieces.attention.map(part), mlp: pieces.mlp.map(part), release() {} };
}
