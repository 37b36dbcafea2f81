/**
 * A layer's weights as they are fed: whole, or in parts (models/modules/cuts.ts) where they are more than the engine takes at once, or many
 * compared with the memory and their source can make a part alone.
 *
 * Weights of a lease are uploaded once for all that runs through the layer. A part that is made alone is asked for again by
 * every batch of samples: making weights costs a tenth of a full batch's products with them. A mixture's experts are asked for one by
 * one (experts.ts). All of them stay at hand for the next pass of a study while there is room (engine/residents.ts).
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
import { type Engine, openResidents, type Resident } from "../../engine/mod.ts";
import type { NormalDraw } from "../../kernels/mod.ts";
import { type MixtureParts, mixtureParts } from "./experts.ts";
import { keptOfLayer } from "./forms.ts";
import {
  fedTensors,
  type HeldWeights,
  holding,
  leased,
  type Lend,
  lending,
  type Make,
  type Part,
} from "./part.ts";

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

/** A whole layer on the engine: the weights of its pieces, in their order. */
interface HeldLayer extends Resident {
  readonly attention: readonly HeldWeights[];
  readonly mlp: readonly HeldWeights[];
}

/**
 * Layer l of a model; its attention in one part if `wholeAttention`, which what observes all its heads needs. Weights that can be
 * drawn where they are needed are drawn by the engine, if it runs kernels. In a study the weights stay at hand for the next pass while
 * there is room.
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
  const experts = routed(mlp);
  const keeps = keptOfLayer(layers[l], hidden, blocks);
  const most = weights.drawn ? Math.min(PART_BYTES, bindingBytes) : bindingBytes;
  const pieces = {
    attention: attention
      ? kindOf(attention).cut(attention, hidden, wholeAttention ? Infinity : most, "attention")
      : [],
    mlp: mlp ? kindOf(mlp).cut(mlp, hidden, most, "mlp") : [],
  };
  const byPart: Make = weights.drawn && engine.access
    ? (cuts, fedAs) =>
      holding(
        engine,
        weights.drawn!(l, cuts),
        (tensor) => "rows" in tensor ? draw.fill(tensor.shape, tensor.rows) : engine.upload(tensor),
        { fedAs },
      )
    : async (cuts, fedAs) => leased(engine, await weights.part(l, cuts, keeps), fedAs);
  const alone = !experts && weights.drawn && float32Bytes(layerTensors(layers[l], hidden)) > most;
  const { residents, release } = residentsFor(weights, engine, experts !== null);
  const lend = lending(residents, l, byPart);
  if (alone) return { ...lentParts(pieces, lend), mixture: null, release };
  const isByPart = experts !== null || weights.drawn && engine.access;
  const whole = async () => {
    const lease = await weights.layer(l, keeps);
    const make: Make = (cuts) => holding(engine, fedTensors(lease, cuts), engine.upload);
    return heldLayer(pieces, make, lease.release);
  };
  const mixture = experts && mixtureParts(experts, hidden, most, lend);
  const cuts = [...pieces.attention, ...pieces.mlp].map(({ cuts }) => [...cuts]);
  const place = { key: `layer ${JSON.stringify(cuts)}`, layer: l, isRepeated: false };
  const { resident, giveBack } = await residents.borrow(
    place,
    isByPart ? () => heldLayer(pieces, byPart) : whole,
  );
  return {
    attention: heldParts(pieces.attention, resident.attention),
    mlp: heldParts(pieces.mlp, resident.mlp),
    mixture,
    release() {
      giveBack();
      release();
    },
  };
}

/** Where a layer's weights stay: with those of the study, or, by default, a mixture's experts until the layer is released. */
function residentsFor(weights: Model["weights"], engine: Engine, isMixture: boolean) {
  if (engine.residents?.of === weights) return { residents: engine.residents, release() {} };
  const own = openResidents(weights, isMixture ? engine.has.memoryBytes : 0);
  return { residents: own, release: own.close };
}

/** Puts all pieces of a layer on the engine; `release` follows once they are freed. */
async function heldLayer(
  pieces: LayerPieces,
  make: Make,
  release: () => void = () => {},
): Promise<HeldLayer> {
  const all: HeldWeights[] = [];
  const free = () => {
    for (const weights of all.splice(0)) weights.free();
    release();
  };
  const held = async (list: readonly Piece<unknown>[]) => {
    const own: HeldWeights[] = [];
    for (const { cuts } of list) {
      const weights = await make(cuts);
      all.push(weights);
      own.push(weights);
    }
    return own;
  };
  try {
    const [attention, mlp] = [await held(pieces.attention), await held(pieces.mlp)];
    return { attention, mlp, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), free };
  } catch (error) {
    free();
    throw error;
  }
}

/** Parts whose weights are held until the layer is released. */
function heldParts<Spec>(pieces: readonly Piece<Spec>[], weights: readonly HeldWeights[]): Part<Spec>[] {
  return pieces.map(({ spec }, i) => ({ spec, use: (run) => run(weights[i].held, weights[i].own) }));
}

/** Parts whose weights are made one at a time, when they are used. */
function lentParts({ attention, mlp }: LayerPieces, lend: Lend): Pick<LayerParts, "attention" | "mlp"> {
  const part = <Spec>({ spec, cuts }: Piece<Spec>): Part<Spec> => ({ spec, use: (run) => lend(cuts, run) });
  return { attention: attention.map(part), mlp: mlp.map(part) };
}
