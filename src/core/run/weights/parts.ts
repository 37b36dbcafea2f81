/**
 * A layer's weights as they are fed: whole, or in parts (models/modules/cuts.ts) where they are more than the engine takes at once, or many
 * compared with the memory and their source can make a part alone.
 *
 * Weights of a lease are uploaded once for all that runs through the layer. A part that is made alone is asked for again by
 * every batch of samples: making weights costs a tenth of a full batch's products with them. A mixture's experts are asked for one by
 * one. All of them stay at hand for the next pass of a study while there is room (engine/residents.ts).
 */
import {
  cutNetwork,
  expertName,
  type ExpertSpec,
  type FeedSpec,
  float32Bytes,
  kindOf,
  layerTensors,
  type MixerSpec,
  type MixtureSpec,
  type Model,
  normTensors,
  type Piece,
  routed,
  routerTensors,
  type SharedSpec,
  sharedTensors,
  type TensorNeed,
} from "../../models/mod.ts";
import { type Engine, openResidents, type Resident } from "../../engine/mod.ts";
import type { NormalDraw } from "../../kernels/mod.ts";
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

export interface LayerParts {
  readonly attention: readonly Part<MixerSpec>[];
  /** Nothing where the layer has a mixture. */
  readonly mlp: readonly Part<FeedSpec>[];
  readonly mixture: MixtureParts | null;
  release(): void;
}

/** Bytes of float32 weights that are asked for at once of a source that can make a part alone. */
export const PART_BYTES = 128 * 2 ** 20;

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
  const mixers = attention
    ? kindOf(attention).cut(attention, hidden, wholeAttention ? Infinity : most, "attention")
    : [];
  const feeds = mlp ? kindOf(mlp).cut(mlp, hidden, most, "mlp") : [];
  const pieces = [...mixers, ...feeds].map(({ cuts }) => cuts);
  const parts = (use: (i: number) => Part<unknown>["use"]) => ({
    attention: mixers.map(({ spec }, i) => ({ spec, use: use(i) })),
    mlp: feeds.map(({ spec }, i) => ({ spec, use: use(mixers.length + i) })),
  });
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
  // Weights stay with those of the study, or, by default, a mixture's experts until the layer is released.
  const own = engine.residents?.of === weights
    ? null
    : openResidents(weights, experts ? engine.has.memoryBytes : 0);
  const residents = own ?? engine.residents!;
  const lend = lending(residents, l, byPart);
  const release = () => own?.close();
  if (alone) return { ...parts((i) => (run) => lend(pieces[i], run)), mixture: null, release };
  const isByPart = experts !== null || weights.drawn && engine.access;
  const whole = async () => {
    const lease = await weights.layer(l, keeps);
    const make: Make = (cuts) => holding(engine, fedTensors(lease, cuts), engine.upload);
    return heldLayer(pieces, make, lease.release);
  };
  const mixture = experts && mixtureParts(experts, hidden, most, lend);
  const key = `layer ${JSON.stringify(pieces.map((cuts) => [...cuts]))}`;
  const { resident: { weights: held }, giveBack } = await residents.borrow(
    { key, layer: l, isRepeated: false },
    isByPart ? () => heldLayer(pieces, byPart) : whole,
  );
  return {
    ...parts((i) => (run) => run(held[i].held, held[i].own)),
    mixture,
    release() {
      giveBack();
      release();
    },
  };
}

/** Puts all pieces of a layer on the engine; `release` follows once they are freed. */
async function heldLayer(
  pieces: readonly Piece<unknown>["cuts"][],
  make: Make,
  release: () => void = () => {},
): Promise<Resident & { readonly weights: readonly HeldWeights[] }> {
  const weights: HeldWeights[] = [];
  const free = () => {
    for (const { free } of weights.splice(0)) free();
    release();
  };
  try {
    for (const cuts of pieces) weights.push(await make(cuts));
    return { weights, bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0), free };
  } catch (error) {
    free();
    throw error;
  }
}

export interface MixtureParts {
  /** The norm before it and the router. */
  readonly router: Part<MixtureSpec>;
  /** What all tokens pass through; none where there is no such thing. */
  readonly shared: readonly Part<SharedSpec>[];
  /** An expert, its weights named "expert.up_proj.weight", … */
  expert(e: number): readonly Part<ExpertSpec>[];
  /** The norm behind it. */
  readonly after: Part<MixtureSpec>;
}

/**
 * A mixture of which `lend` lends the weights, with at most `most` bytes of float32 weights in a part. Those of an expert are lent
 * when a token has chosen it.
 */
export function mixtureParts(spec: MixtureSpec, hidden: number, most: number, lend: Lend): MixtureParts {
  const part = <Spec>({ spec, cuts }: Piece<Spec>): Part<Spec> => ({ spec, use: (run) => lend(cuts, run) });
  const whole = (names: readonly TensorNeed[]) =>
    part({ spec, cuts: new Map(names.map(([name]) => [name, null])) });
  const { shared } = spec;
  const gate = shared
    ? sharedTensors(shared, hidden).filter(([name]) => name.startsWith("mlp.shared_gate"))
    : [];
  return {
    router: whole(routerTensors(spec, hidden)),
    shared: shared ? cutNetwork(shared, "mlp.shared", hidden, most, gate).map((piece) => part(piece)) : [],
    expert: (e) =>
      cutNetwork(spec.expert, expertName(e), hidden, most).map(({ spec, cuts }) => ({
        spec,
        use: (run) => lend(cuts, run, (name) => name.replace(expertName(e), "expert")),
        nameOf: (fed) => fed.replace("expert", expertName(e)),
      })),
    after: whole(normTensors("mlp.post_norm", spec.norm.post, hidden)),
  };
}
