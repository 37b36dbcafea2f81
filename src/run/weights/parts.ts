/**
 * A layer's weights as they are fed: whole, or in parts (models/modules/cuts.ts) where they are more than the engine takes at once, or many
 * compared with the memory and their source can make a part alone.
 *
 * Weights of a lease are uploaded once for all that runs through the layer. A part that is made alone is asked for again by
 * every batch of samples: making weights costs a tenth of a full batch's products with them. Of a mixture every expert is asked for
 * alone (experts.ts).
 */
import {
  type FeedSpec,
  float32Bytes,
  kindOf,
  layerTensors,
  type MixerSpec,
  type Model,
  type Piece,
  routed,
} from "../../models/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import type { NormalDraw } from "../../kernels/mod.ts";
import { type MixtureParts, mixtureParts } from "./experts.ts";
import { fedTensors, type HeldWeights, holding, keptInPasses, leased, type Make, type Part } from "./part.ts";

/** An update without an MLP: one part, which needs no weights. */
export const withoutWeights: Part<null> = { spec: null, use: (run) => run({}, null) };

/** A layer, ready to be fed. */
export interface LayerParts {
  readonly attention: readonly Part<MixerSpec>[];
  /** Nothing where the layer has a mixture. */
  readonly mlp: readonly Part<FeedSpec>[];
  readonly mixture: MixtureParts | null;
  release(): void;
}

/** The pieces of both modules of a layer. */
interface LayerPieces {
  readonly attention: readonly Piece<MixerSpec>[];
  readonly mlp: readonly Piece<FeedSpec>[];
}

/** Bytes of float32 weights that are asked for at once of a source that can make a part alone. */
export const PART_BYTES = 128 * 2 ** 20;

/** Bytes of a layer's experts that stay at hand from one batch to the next, in the CPU's memory and in a device's. */
const EXPERT_BYTES = 512 * 2 ** 20;
const DEVICE_BYTES = 4 * 2 ** 30;

/**
 * Layer l of a model; its attention in one part if `wholeAttention`, which what observes all its heads needs. Weights that can be
 * drawn where they are needed are drawn by the engine, if it runs kernels.
 */
export async function layerParts(
  { spec: { hidden, layers }, weights }: Model,
  engine: Engine,
  draw: NormalDraw,
  l: number,
  wholeAttention: boolean,
): Promise<LayerParts> {
  const { attention, mlp } = layers[l];
  const { bindingBytes, blocks } = engine.has;
  const keeps = keptInPasses(blocks);
  const most = weights.drawn ? Math.min(PART_BYTES, bindingBytes) : bindingBytes;
  const pieces = {
    attention: attention
      ? kindOf(attention).cut(attention, hidden, wholeAttention ? Infinity : most, "attention")
      : [],
    mlp: mlp ? kindOf(mlp).cut(mlp, hidden, most, "mlp") : [],
  };
  const byPart: Make = weights.drawn && engine.access
    ? (cuts) =>
      holding(
        engine,
        weights.drawn!(l, cuts),
        (tensor) => "rows" in tensor ? draw.fill(tensor.shape, tensor.rows) : engine.upload(tensor),
      )
    : async (cuts) => leased(engine, await weights.part(l, cuts, keeps));
  const experts = routed(mlp);
  if (experts) {
    const mixture = mixtureParts(experts, hidden, most, byPart, engine.access ? DEVICE_BYTES : EXPERT_BYTES);
    return await heldParts(pieces, byPart, mixture.release, mixture);
  }
  const alone = weights.drawn && float32Bytes(layerTensors(layers[l], hidden)) > PART_BYTES;
  if (alone) return madeParts(pieces, byPart);
  if (weights.drawn && engine.access) return await heldParts(pieces, byPart);
  const lease = await weights.layer(l, keeps);
  const make: Make = (cuts) => holding(engine, fedTensors(lease, blocks, cuts), engine.upload);
  return await heldParts(pieces, make, lease.release);
}

/** Parts that are held all at once, until the layer is released. */
async function heldParts(
  pieces: LayerPieces,
  make: Make,
  release: () => void = () => {},
  mixture: MixtureParts | null = null,
): Promise<LayerParts> {
  const all: HeldWeights[] = [];
  const end = () => {
    for (const { free } of all.splice(0)) free();
    release();
  };
  const part = async <Spec>({ spec, cuts }: Piece<Spec>): Promise<Part<Spec>> => {
    const weights = await make(cuts);
    all.push(weights);
    return { spec, use: (run) => run(weights.held, weights.own) };
  };
  const parts = async <Spec>(list: readonly Piece<Spec>[]) => {
    const made: Part<Spec>[] = [];
    for (const piece of list) made.push(await part(piece));
    return made;
  };
  try {
    return {
      attention: await parts(pieces.attention),
      mlp: await parts(pieces.mlp),
      mixture,
      release: end,
    };
  } catch (error) {
    end();
    throw error;
  }
}

/** Parts that are made one at a time, when they are used. */
function madeParts(pieces: LayerPieces, make: Make): LayerParts {
  const part = <Spec>({ spec, cuts }: Piece<Spec>): Part<Spec> => ({
    spec,
    async use(run) {
      const { held, own, free } = await make(cuts);
      try {
        return await run(held, own);
      } finally {
        free();
      }
    },
  });
  return { attention: pieces.attention.map(part), mlp: pieces.mlp.map(part), mixture: null, release() {} };
}
