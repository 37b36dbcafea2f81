/**
 * What a list of modules saves: weights, and keys and values in 16 bits.
 *
 * A layer whose window is shorter than the context keeps only the window's tokens, linear attention none.
 */
import { sum } from "../../entry/mod.ts";
import type { Plan, Sizes } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";

/** Bytes of keys and values that a layer's attention keeps of one sequence of so many tokens. */
const kvBytesAt = ({ kvBytes, kvTokens }: Sizes, layer: number, tokens: number): number =>
  (kvBytes[layer] ?? 0) * Math.min(tokens, kvTokens[layer] ?? Infinity);

export function allKvBytes(sizes: Sizes, context: number): number {
  return sum([...sizes.kvBytes.keys()], (layer) => kvBytesAt(sizes, layer, context));
}

/** What a plan saves, also of keys and values in a sequence of `context` tokens. Shares of a model without attention are zero. */
export function savesOf(
  { attention, mlp }: DropPlan,
  sizes: Sizes,
  context: number,
): NonNullable<Plan["saves"]> {
  const parameters = sum(attention, (layer) => sizes.attention[layer] ?? 0) +
    sum(mlp, (layer) => sizes.mlp[layer] ?? 0);
  const dropped = (tokens: number) => sum(attention, (layer) => kvBytesAt(sizes, layer, tokens));
  const [kvBytesPerToken, bytes] = [dropped(1), dropped(context)];
  return {
    parameters,
    parametersShare: parameters / sizes.parameters,
    kvBytesPerToken,
    kvShare: kvBytesPerToken / (allKvBytes(sizes, 1) || 1),
    kv: { context, bytes, share: bytes / (allKvBytes(sizes, context) || 1) },
  };
}

/** What is left of savings where the files keep a part of them. */
export function lessSaved(all: NonNullable<Plan["saves"]>, kept: typeof all): typeof all {
  return {
    parameters: all.parameters - kept.parameters,
    parametersShare: all.parametersShare - kept.parametersShare,
    kvBytesPerToken: all.kvBytesPerToken - kept.kvBytesPerToken,
    kvShare: all.kvShare - kept.kvShare,
    kv: { ...all.kv, bytes: all.kv.bytes - kept.kv.bytes, share: all.kv.share - kept.kv.share },
  };
}
