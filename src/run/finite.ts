/**
 * A run with non-finite numbers ends where they first appear, with an error that names the place and the tensor.
 *
 * Graphs give the sum of the squares of what they watch (models/watch.ts); weights are searched only once it is too large.
 */
import type { Engine, Held } from "../engine/mod.ts";
import type { Model } from "../models/mod.ts";
import { type Tensor, toFloat32 } from "../tensor/mod.ts";
import { withRead } from "./held.ts";

/** A module of a layer, or what comes before or after the layers. */
export type Place =
  | { readonly layer: number; readonly module: "attention" | "mlp" }
  | "embedding"
  | "final norm"
  | "head";

/**
 * The largest sum of squares allowed: a sixteenth of the largest float32. Of two vectors below it, the sum and the difference
 * have squares below four times as much, the difference to a third below nine times, and no inner product is larger.
 */
const LIMIT = 2 ** 124;

/** Whether numbers with this sum of squares, and those made of few of them, are finite. */
export function areFinite(squares: number): boolean {
  return squares < LIMIT; // false for NaN
}

/** The sum of the squares of numbers. */
export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}

/** Reads the scalar that a graph gave, and frees it. */
export async function takeSquares(engine: Engine, held: Held): Promise<number> {
  return await withRead(engine, { held }, ({ held }) => (held.data as Float32Array)[0]);
}

/** The error for numbers that are not finite; `weights` by canonical name, those of the module. */
export function notFinite(
  model: Pick<Model, "name" | "stored">,
  place: Place,
  weights: Iterable<readonly [string, Tensor]>,
): RangeError {
  const found = reason(weights, (name) => {
    const layer = typeof place === "object" ? place.layer : undefined;
    return model.stored?.(name, layer).name ?? name;
  });
  return new RangeError(
    `Cannot run ${model.name}: ${described(place)} produces non-finite numbers${
      found && ` (${found})`
    }, expected finite ones`,
  );
}

function described(place: Place): string {
  if (typeof place === "string") return `the ${place}`;
  return `layer ${place.layer}, ${place.module === "mlp" ? "MLP" : "attention"}`;
}

/** The first weight that is not finite; else the largest, which makes numbers overflow. */
function reason(weights: Iterable<readonly [string, Tensor]>, stored: (name: string) => string): string {
  let largest = { name: "", value: 0 };
  for (const [name, tensor] of weights) {
    for (const value of toFloat32(tensor)) {
      if (!Number.isFinite(value)) return `${stored(name)} holds ${value}`;
      if (Math.abs(value) > Math.abs(largest.value)) largest = { name, value };
    }
  }
  if (largest.name === "") return "";
  const value = Number(largest.value.toPrecision(4));
  return `its weights are finite, the largest is ${value} in ${stored(largest.name)}`;
}
