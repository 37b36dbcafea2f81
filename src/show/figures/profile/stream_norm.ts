/** How the residual stream grows: its mean norm by depth. The same update weighs less the deeper it is added. */
import type { Profile } from "../../../result/mod.ts";
import { INK, variantOf } from "../../chart/draw/colors.ts";
import { depthOf, layerChart } from "../../chart/lines.ts";
import { formatNumber } from "../../chart/numbers.ts";
import { eachOf, listOf, namesOf, ofProfiles, settingsOfProfiles } from "../../chart/profiles.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/**
 * Draws the norm of the residual stream by depth, of one profile or of several on one scale. Throws `RangeError` if every layer of a
 * model is dropped.
 */
export const streamNormFigure: Draw<[Profile | readonly Profile[]]> = figure(
  "stream_norm",
  ofProfiles,
  (given) => {
    const profiles = listOf(given);
    const names = namesOf(profiles);
    profiles.forEach(normsOf);
    return {
      title: `The residual stream ${eachOf(profiles, growthText)}`,
      subtitle: "Mean |x| over tokens at the input of each layer.",
      setting: settingsOfProfiles(given),
      reading: `${eachOf(profiles, readingOf, " ")} An update of constant size turns a longer stream less.`,
      panels: [
        layerChart(
          profiles.map(({ streamNorm: values }, i) => ({
            label: profiles.length > 1 ? names[i] : "|x|",
            color: INK,
            shape: "circle",
            ...variantOf(i),
            values,
            errors: [],
          })),
          { label: "mean |x| (log)", log: true },
        ),
      ],
      rows: profiles.flatMap((profile, i) =>
        normsOf(profile).map((row) =>
          profiles.length > 1
            ? { profile: names[i], ...row, relative_depth: depthOf(row.layer, profile.streamNorm.length) }
            : row
        )
      ),
    };
  },
);

/** The norms of the layers that there are. */
function normsOf({ streamNorm }: Profile) {
  const norms = streamNorm.flatMap((norm, layer) => norm === null ? [] : [{ layer, norm }]);
  if (norms.length > 0) return norms;
  throw new RangeError(
    "Cannot draw the norm of the stream: every layer is dropped, expected at least one left",
  );
}

function growthText(profile: Profile, name: string | null): string {
  const norms = normsOf(profile);
  const [first, last] = [norms[0], norms.at(-1)!];
  const growth = last.norm / first.norm;
  const where = name === null ? "" : ` in ${name}`;
  return `${growth >= 1 ? "grows" : "shrinks"} to ${formatNumber(growth)} times its length over ${
    last.layer - first.layer
  } layers${where}`;
}

function readingOf(profile: Profile, name: string | null): string {
  const norms = normsOf(profile);
  const [from, to] = [norms[0].norm, norms.at(-1)!.norm].map(formatNumber);
  return `${name === null ? "The" : `${name}: the`} mean norm goes from ${from} to ${to}.`;
}
