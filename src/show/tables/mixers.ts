/** Importance by what mixes a layer's tokens, in models where that is not the same everywhere. */
import type { Profile } from "../../result/mod.ts";
import { formatFixed } from "../chart/numbers.ts";

const NAMES = { full: "full attention", linear: "linear attention" };

/** What mixes the tokens of a layer, where some attention is linear; null else. */
export function mixerOf({ mixers }: Profile, layer: number): string | null {
  const mixer = mixers?.[layer];
  return mixer ? NAMES[mixer] : null;
}

/** "mean importance by mixer: full attention 0.120 (6 layers), linear attention 0.080 (18 layers)"; dropped layers are left out. */
export function mixersText({ mixers, attention }: Profile): string | null {
  if (!mixers) return null;
  const parts = (["full", "linear"] as const).flatMap((kind) => {
    const own = attention.importance.filter((value, l) => value !== null && mixers[l] === kind) as number[];
    if (own.length === 0) return [];
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    return [
      `${NAMES[kind]} ${formatFixed(mean, 3)} (${own.length} ${own.length === 1 ? "layer" : "layers"})`,
    ];
  });
  return parts.length > 0 ? `mean importance by mixer: ${parts.join(", ")}` : null;
}
