/**
 * A run with non-finite numbers ends where they first appear, with an error that names the place and the tensor.
 *
 * Graphs give the sum of the squares of what they watch (models/values/watch.ts); weights are searched only once it is too large.
 */
import type { LayerModule } from "../measure/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import type { Model } from "../models/mod.ts";
import { type Tensor, toFloat32 } from "../tensor/mod.ts";
import { withRead } from "./held.ts";
import { changeTensors } from "./plan/changes.ts";
import { changeTensorName } from "./plan/tensors.ts";

/** A module of a layer, or what comes before or after the layers. */
export type Place =
  | { readonly layer: number; readonly module: LayerModule }
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

export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}

/** Reads the scalar that a graph gave, and frees it. */
export async function takeSquares(engine: Engine, held: Held): Promise<number> {
  return await withRead(engine, { held }, ({ held }) => (held.data as Float32Array)[0]);
}

/** A weight that explains numbers which are not finite: one that is not, or the largest of all. */
export type Culprit = { readonly name: string; readonly value: number };

/** The first weight that is not finite, else the largest; `before` is what other weights came to. */
export function culpritAmong(
  weights: Iterable<readonly [string, Tensor]>,
  before: Culprit | null = null,
): Culprit | null {
  let worst = before;
  for (const [name, tensor] of weights) {
    if (worst && !Number.isFinite(worst.value)) return worst;
    for (const value of toFloat32(tensor)) {
      if (!Number.isFinite(value)) return { name, value };
      if (Math.abs(value) > Math.abs(worst?.value ?? 0)) worst = { name, value };
    }
  }
  return worst;
}

/** The error for numbers that are not finite, and the weight that explains them, if there is one. */
export function notFinite(
  model: Pick<Model, "name" | "stored">,
  place: Place,
  culprit: Culprit | null,
): RangeError {
  const layer = typeof place === "object" ? place.layer : undefined;
  const found = culprit && reason(culprit, storedName(model, culprit.name, layer));
  return new RangeError(
    `Cannot run ${model.name}: ${described(place)} produces non-finite numbers${
      found ? ` (${found})` : ""
    }, expected finite ones`,
  );
}

/** The name of a weight in the checkpoint; one that a plan brings is in the plan's file. */
function storedName({ stored }: Pick<Model, "stored">, name: string, layer?: number): string {
  const [module, own] = name.split(".", 2);
  if (changeTensors.has(own)) return changeTensorName({ layer: layer!, module: module as LayerModule }, own);
  return stored?.(name, layer).name ?? name;
}

function described(place: Place): string {
  if (typeof place === "string") return `the ${place}`;
  return `layer ${place.layer}, ${place.module === "mlp" ? "MLP" : "attention"}`;
}

function reason({ value }: Culprit, stored: string): string {
  if (!Number.isFinite(value)) return `${stored} holds ${value}`;
  return `its weights are finite, the largest is ${Number(value.toPrecision(4))} in ${stored}`;
}
