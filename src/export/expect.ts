/**
 * Whether the smaller model's own configuration says of every layer what the original said: windows and rotations that
 * a rule counts off by layer would move with them.
 */
import type { LayerSpec } from "../models/mod.ts";
import { type Format, inexpressible } from "./formats.ts";
import type { Job } from "./job.ts";

/** Throws `RangeError` that names the first layer that would be another one. `others` are formats that can express it. */
export function expectLayers(
  { model, full, kept }: Job,
  format: Format,
  found: readonly LayerSpec[],
  others: readonly Format[],
): void {
  const wrong = kept.findIndex((l, i) => differing(full.layers[l], found[i]) !== null);
  if (wrong < 0 && found.length === kept.length) return;
  const layer = kept[wrong];
  const field = differing(full.layers[layer], found[wrong]);
  throw inexpressible(
    format,
    model.name,
    `attention ${layer}`,
    `would be another one as layer ${wrong} (${field})`,
    others,
  );
}

/** The first field in which two layers differ: "attention.window 4096, not null". */
function differing(wanted: unknown, found: unknown, path = ""): string | null {
  if (typeof wanted !== "object" || wanted === null || typeof found !== "object" || found === null) {
    return Object.is(wanted, found)
      ? null
      : `${path} ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`;
  }
  for (const [key, value] of Object.entries(wanted)) {
    const inside = (found as Record<string, unknown>)[key];
    const difference = differing(value, inside, path === "" ? key : `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}
