/**
 * Attention with heads cut. Nothing of a cut head reaches the output projection: its columns there are zero. Where all query heads
 * of a key head are cut, the piece of the module that has them is left out, keys and values too. A kind that cannot be cut into
 * pieces (latent attention, a norm over all heads) runs whole.
 */
import { type AttentionSpec, kindOf, type MixerSpec, type Piece } from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { cutTensor, joinTensors, withZeros } from "../../weights/mod.ts";

/** Attention whose heads score keys. */
type Scoring = MixerSpec & AttentionSpec;

/** The output projection of every such kind. */
const OUTPUT = "attention.o_proj.weight";

/** The pieces of a key head each, which are the smallest at any hidden size, and those with a query head that is not cut. */
function piecesOf(spec: Scoring, cut: readonly number[]) {
  const all = kindOf(spec).cut(spec, 1, 0, "attention") as readonly Piece<Scoring>[];
  const kept = all.filter(({ spec: { heads } }, i) =>
    Array.from({ length: heads }, (_, head) => i * heads + head).some((head) => !cut.includes(head))
  );
  return { all, kept };
}

/** The specification of attention without heads. */
export function withoutHeads(spec: Scoring, cut: readonly number[]): Scoring {
  const { kept } = piecesOf(spec, cut);
  const count = (key: "heads" | "kvHeads") => kept.reduce((sum, { spec }) => sum + spec[key], 0);
  return { ...spec, heads: count("heads"), kvHeads: count("kvHeads") };
}

/** How a tensor of attention without heads is made of the whole module's; null where it is the same. */
export function headsTensor(
  spec: Scoring,
  cut: readonly number[],
  name: string,
): ((whole: Tensor) => Tensor) | null {
  const { all, kept } = piecesOf(spec, cut);
  const axis = all[0].cuts.get(name)?.axis;
  const isTaken = kept.length < all.length && axis !== undefined;
  if (name !== OUTPUT && !isTaken) return null;
  return (whole) => {
    const tensor = name === OUTPUT ? withZeros(whole, headColumns(spec, whole.shape[1], cut)) : whole;
    if (!isTaken) return tensor;
    return joinTensors(kept.map(({ cuts }) => cutTensor(tensor, cuts.get(name)!)), axis);
  };
}

/** Columns of the output projection, `width` in all, that read these heads. */
function headColumns({ heads }: Scoring, width: number, cut: readonly number[]) {
  const size = width / heads;
  return cut.map((head) => ({ axis: 1, start: head * size, end: (head + 1) * size } as const));
}
