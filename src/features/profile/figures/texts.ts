import { list, resultOf } from "core/entry/mod.ts";
import { MODULES, present } from "core/measure/mod.ts";
import { commonLowest } from "../signs.ts";
import type { Profile } from "../result.ts";
import { COLORS, hueOf } from "core/show/chart/draw/colors.ts";
import { lineChart, upFrom } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { profileRows } from "../table.ts";
import { computedText, KIND_NAMES, modelOf, reading, unknownText } from "core/show/words/mod.ts";

/** Draws profiles of one model over several texts (paper, figure on calibration sets). Throws `RangeError` if there is no profile. */
export const textsFigure: Draw<[readonly Profile[]]> = figure("texts", {
  profiles: list(resultOf("profile"), "profiles", 1),
}, (profiles) => {
  const { model, packing } = profiles[0].provenance;
  const names = profiles.map(({ provenance }) => provenance.text.name);
  const rows = profiles.map(profileRows);
  const kinds = MODULES.filter((kind) => profiles.some((one) => present(one[kind].importance).length > 0))
    .map((kind) => ({ kind, name: KIND_NAMES[kind], ...commonLowest(profiles, kind) }));
  const [first] = kinds;
  return {
    rows: rows.flat(),
    title: {
      topic: "Importance across kinds of text",
      found: first && reading`${first.common} of the ${first.of} least important ${first.name} modules are the
        same for all texts${unknownText(first, "for")}`,
    },
    shows: [`Importance 1 − cos(X, Y) by layer, measured on ${names.join(", ")}. Bars: ± 1 standard error.`],
    setting: [
      modelOf(model),
      `${packing.samples} × ${packing.length} tokens of each text`,
      computedText(...profiles.map(({ provenance }) => provenance)),
    ].join(" · "),
    reads: kinds.map(({ name, common, of, ...rest }) =>
      reading`The least important quarter of ${name} modules has ${common} of ${of} modules in common for all
        texts${unknownText(rest, "for")}.`
    ),
    panels: kinds.map(({ kind, name }) => {
      const own = rows.map((rows, i) => (
        { label: names[i], ...hueOf(i), rows: rows.filter(({ module }) => module === kind) }
      ));
      return lineChart(own, "layer", "importance", {
        height: 330,
        headings: [{ text: name, color: COLORS[kind] }],
        error: "standard_error",
        up: upFrom("importance (log)", { log: true }),
      });
    }),
  };
});
