/** Modules that go last whatever their score, and orders with them last. */
import { outsizedLayers } from "../../measure/mod.ts";
import type { Last, Profile } from "../../result/mod.ts";
import type { Entry } from "../scores/candidates.ts";

/** The outsized modules of a profile among some entries, the smallest update first. */
export function outsizedAmong(profile: Profile, entries: readonly Entry[]): Last[] {
  return entries.flatMap(({ module, layer }): Last[] => {
    const { largestRelativeMagnitude } = profile[module];
    if (!outsizedLayers(largestRelativeMagnitude).includes(layer)) return [];
    return [{ module, layer, cost: null, largestRelativeMagnitude: largestRelativeMagnitude[layer] }];
  }).sort((a, b) => a.largestRelativeMagnitude! - b.largestRelativeMagnitude!);
}

type Place = Pick<Entry, "module" | "layer">;

const placeIn = (places: readonly Place[], { module, layer }: Place) =>
  places.findIndex((other) => other.module === module && other.layer === layer);

/** Whether a candidate is one of some. */
export function isAmong(entry: Place, places: readonly Place[]): boolean {
  return placeIn(places, entry) >= 0;
}

/** An order with some of its entries at its end, in the order in which they are named. */
export function withLast<E extends Place>(order: readonly E[], last: readonly Place[]): E[] {
  const behind = order.filter((entry) => isAmong(entry, last))
    .sort((a, b) => placeIn(last, a) - placeIn(last, b));
  return [...order.filter((entry) => !isAmong(entry, last)), ...behind];
}
