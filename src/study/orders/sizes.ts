/**
 * What a list of modules saves: weights, and keys and values in 16 bits.
 *
 * A layer whose window is shorter than the context keeps only the window's tokens (and the first keys of the text, where it sees
 * these too), linear attention none.
 */
import type { Plan, Sizes } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";

/** Weights of dropped modules. */
export function parametersOf({ attention, mlp }: DropPlan, sizes: Sizes): number {
  return sumOf(attention, sizes.attention) + sumOf(mlp, sizes.mlp);
}

/** Bytes of keys and values that attention layers keep of one sequence of so many tokens. */
export function kvBytesOf(attention: readonly number[], { kvBytes, kvTokens }: Sizes, context: number) {
  return sumOf(
    attention,
    kvBytes.map((bytes, l) => bytes && bytes * Math.min(context, kvTokens[l] ?? Infinity)),
  );
}

export function allKvBytes(sizes: Sizes, context: number): number {
  return kvBytesOf([...sizes.kvBytes.keys()], sizes, context);
}

/** Bytes of keys and values that a plan saves of one sequence of `context` tokens: those of dropped attention, and those behind windows. */
export function kvSavedBy({ attention, changes = [] }: DropPlan, sizes: Sizes, context: number): number {
  const windows = changes.filter((change) => change.to === "window");
  const freed = windows.map(({ layer, keys, sinks }) =>
    (sizes.kvBytes[layer] ?? 0) *
    Math.max(0, Math.min(context, sizes.kvTokens[layer] ?? Infinity) - keys - sinks)
  );
  return kvBytesOf(attention, sizes, context) + freed.reduce((sum, bytes) => sum + bytes, 0);
}

/** Whether a window of so many keys frees keys of a layer's attention in a long text. */
export function canShorten(layer: number, keys: number, { kvBytes, kvTokens }: Sizes): boolean {
  return (kvBytes[layer] ?? 0) > 0 && (kvTokens[layer] ?? Infinity) > keys;
}

/** What a plan saves, of keys and values in a sequence of `context` tokens too. Shares of a model without attention are zero. */
export function savesOf(plan: DropPlan, sizes: Sizes, context: number): NonNullable<Plan["saves"]> {
  const [parameters, kvBytesPerToken] = [parametersOf(plan, sizes), kvBytesOf(plan.attention, sizes, 1)];
  const bytes = kvSavedBy(plan, sizes, context);
  return {
    parameters,
    parametersShare: parameters / sizes.parameters,
    kvBytesPerToken,
    kvShare: kvBytesPerToken / (allKvBytes(sizes, 1) || 1),
    kv: { context, bytes, share: bytes / (allKvBytes(sizes, context) || 1) },
  };
}

function sumOf(layers: readonly number[], values: readonly (number | null)[]): number {
  return layers.reduce((sum, layer) => sum + (values[layer] ?? 0), 0);
}
