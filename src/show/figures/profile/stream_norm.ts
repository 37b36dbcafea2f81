import type { Profile } from "../../../result/mod.ts";
import { INK, variantOf } from "../../chart/draw/colors.ts";
import { lineChart, upFrom } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { reading } from "../../words/mod.ts";
import { acrossOf, eachProfile, namesOf, ofProfiles, rowsOfEach, settingsOfProfiles } from "../profiles.ts";

/**
 * Draws the norm of the residual stream by depth, of one profile or of several on one scale: the same update weighs less the deeper it is
 * added. Throws `RangeError` if every layer of a model is dropped.
 */
export const streamNormFigure: Draw<[Profile | readonly Profile[]]> = figure(
  "stream_norm",
  ofProfiles,
  (given) => {
    const profiles = [given].flat() as readonly Profile[];
    const names = namesOf(profiles);
    const rows = rowsOfEach(profiles, rowsOf);
    const groups = rows.map((rows, i) => ({
      ...{ label: profiles.length > 1 ? names[i] : "|x|", color: INK, shape: "circle" as const },
      ...variantOf(i),
      rows,
    }));
    const [x, across] = acrossOf(profiles);
    return {
      rows: rows.flat(),
      title: reading`The residual stream
        ${profiles.map((one, i) => growth(one, names.length > 1 && names[i]))}`,
      shows: ["Mean |x| over tokens at the input of each layer."],
      setting: settingsOfProfiles(profiles),
      reads: [...eachProfile(profiles, path), "An update of constant size turns a longer stream less."],
      panels: [lineChart(groups, x, "norm", { ...across, up: upFrom("mean |x| (log)", { log: true }) })],
    };
  },
);

function rowsOf({ streamNorm }: Profile) {
  if (streamNorm.some((norm) => norm !== null)) return streamNorm.map((norm, layer) => ({ layer, norm }));
  throw new RangeError(
    "Cannot draw the norm of the stream: every layer is dropped, expected at least one left",
  );
}

/** The first and the last layer that is there, with their norms. */
function endsOf({ streamNorm }: Profile) {
  const norms = streamNorm.flatMap((measured, layer) => measured === null ? [] : [{ layer, measured }]);
  return [norms[0], norms.at(-1)!];
}

function growth(profile: Profile, name: string | false): string {
  const [first, last] = endsOf(profile);
  const measured = last.measured / first.measured;
  return reading`${measured >= 1 ? "grows" : "shrinks"} to ${{ measured }} times its length over
    ${last.layer - first.layer} layers${name && ` in ${name}`}`;
}

function path(profile: Profile): string {
  const [first, last] = endsOf(profile);
  return reading`the mean norm goes from ${first} to ${last}.`;
}
