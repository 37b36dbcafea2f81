/** Importance by what mixes a layer's tokens, in models where that is not the same everywhere. */
import { mean } from "../../measure/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { formatFixed } from "../chart/numbers.ts";

const NAMES = { full: "full attention", linear: "linear attention" };

/** The heads of `mixerRows`. */
export const MIXER_HEAD: readonly string[] = ["mixer", "layers", "mean importance"];

/** What mixes the tokens of a layer, where some attention is linear; null else. */
export function mixerOf({ mixers }: Profile, layer: number): string | null {
  const mixer = mixers?.[layer];
  return mixer ? NAMES[mixer] : null;
}

/** Kind, number of layers and mean importance; none where all layers are alike. Dropped layers are left out. */
export function mixerRows({ mixers, attention }: Profile): string[][] {
  if (!mixers) return [];
  return (["full", "linear"] as const).flatMap((kind) => {
    const own = attention.importance.filter((value, l) => value !== null && mixers[l] === kind) as number[];
    return own.length === 0 ? [] : [[NAMES[kind], String(own.length), formatFixed(mean(own), 3)]];
  });
}

/** "mean importance by mixer: full attention 0.120 (6 layers), linear attention 0.080 (18 layers)"; null where all are alike. */
export function mixersText(profile: Profile): string | null {
  const parts = mixerRows(profile).map(([kind, layers, importance]) =>
    `${kind} ${importance} (${layers} ${layers === "1" ? "layer" : "layers"})`
  );
  return parts.length > 0 ? `mean importance by mixer: ${parts.join(", ")}` : null;
}
