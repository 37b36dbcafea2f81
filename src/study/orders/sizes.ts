/**
 * What a list of modules saves: weights, and keys and values in 16 bits.
 *
 * A layer whose window is shorter than the context keeps only the window's tokens (and the first keys of the text, where it sees
 * these too), linear attention none.
 */
import type { Plan, Sizes } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";

export { sizesOf } from "../../subject/mod.ts";

/** Weights of dropped modules. */
export function parametersOf({ attention, mlp }: DropPlan, sizes: Sizes): number {
  return sumOf(attention, sizes.attention) + sumOf(mlp, sizes.mlp);
}

/** Bytes of keys and values that attention layers keep of one sequence of so many tokens. */
export function kvBytesOf(
  attention: readonly number[],
  { kvBytes, kvTokens }: Sizes,
  context: number,
): number {
  return sumOf(
    attention,
    kvBytes.map((bytes, l) => bytes && bytes * Math.min(context, kvTokens[l] ?? Infinity)),
  );
}

/** The same of all layers. */
export function allKvBytes(sizes: Sizes, context: number): number {
  return kvBytesOf([...sizes.kvBytes.keys()], sizes, context);
}

/** What dropped modules save. Shares of a model without attention are zero. */
export function savesOf(drop: DropPlan, sizes: Sizes): NonNullable<Plan["saves"]> {
  const [parameters, kvBytesPerToken] = [parametersOf(drop, sizes), kvBytesOf(drop.attention, sizes, 1)];
  return {
    parameters,
    parametersShare: parameters / sizes.parameters,
    kvBytesPerToken,
    kvShare: kvBytesPerToken / (allKvBytes(sizes, 1) || 1),
  };
}

function sumOf(layers: readonly number[], values: readonly (number | null)[]): number {
  return layers.reduce((sum, layer) => sum + (values[layer] ?? 0), 0);
}
