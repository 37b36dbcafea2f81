import { MODULES } from "../../../measure/mod.ts";
import { medianMagnitudes, type Profile } from "../../../result/mod.ts";
import type { Draw } from "../../chart/svg.ts";
import { endsText, formatFixed, reading } from "../../words/mod.ts";
import { namesOf, profileFigure } from "../profiles.ts";

/** Draws relative magnitude, mean |a| / |x| and mean |m| / |X|, of one profile or of several on one scale (paper, claim C7: attention's is low). */
export const magnitudeFigure: Draw<[Profile | readonly Profile[]]> = profileFigure("magnitude", {
  title(profiles) {
    const names = namesOf(profiles);
    const ratios = profiles.flatMap((profile, i) => {
      const found = medianMagnitudes(profile);
      return found
        ? [{ name: names[i], ratio: formatFixed(found.ratio, 2), ends: endsText(found.ends) }]
        : [];
    });
    if (ratios.length === 0) return { topic: "Size of the updates relative to the residual stream" };
    const [{ ratio, ends }] = ratios;
    const each = ratios.map(({ name, ratio, ends }) => `${ratio} in ${name} (${ends})`);
    return {
      found: profiles.length === 1
        ? `The median attention update is ${ratio} times the size of the median MLP update (${ends})`
        : reading`Size of the median attention update as a multiple of the median MLP update: ${each}`,
    };
  },
  shows: ["Mean |a| / |x| of attention and |m| / |x + a| of the MLP, over tokens. Bars: ± 1 standard error."],
  reads(profile) {
    const found = medianMagnitudes(profile);
    const fraction = "the length of an update as a fraction of the stream's.";
    if (!found) return fraction;
    return reading`the median over the layers is ${{ measured: found.attention }} for attention and
      ${{ measured: found.mlp }} for the MLP: ${fraction}`;
  },
  y: "relative_magnitude",
  error: "relative_magnitude_error",
  label: "relative magnitude (log)",
  log: true,
  rings: true,
  kinds: MODULES,
});
