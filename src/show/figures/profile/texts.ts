/** Importance across kinds of text (paper, figure on calibration sets): one profile per text, attention at the top, MLP below. */
import { list, resultOf } from "../../../entry/mod.ts";
import { type ModuleKind, MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { hueOf } from "../../chart/draw/colors.ts";
import { layerChart, layerRows } from "../../chart/lines.ts";
import { computedText, KIND_NAMES } from "../../chart/setting.ts";
import { leastImportant, present, quarter } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/**
 * Draws profiles of one model over several texts. Throws `RangeError` if there is no profile.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { textsFigure } from "lamina/figures";
 *
 * const of = (text: string) => profile("data/series/pre-ln/step00512", { text, samples: 2, length: 32 });
 * const { svg } = textsFigure([await of("README.md"), await of("LICENSE")]);
 * ```
 */
export const textsFigure: Draw<[readonly Profile[]]> = figure("texts", {
  profiles: list(resultOf("profile"), "profiles", 1),
}, (profiles) => {
  const { model, packing } = profiles[0].provenance;
  const names = profiles.map(({ provenance }) => provenance.text.name);
  const kinds = MODULES.map((kind) => ({
    name: KIND_NAMES[kind],
    ...commonLowest(profiles, kind),
    lines: profiles.map((profile, i) => (
      { label: names[i], ...hueOf(i), values: profile[kind].importance, errors: profile[kind].standardError }
    )),
  })).filter(({ lines }) => lines.some(({ values }) => present(values).length > 0));
  return {
    title: kinds.length
      ? `${kinds[0].common} of the ${kinds[0].of} least important ${
        kinds[0].name
      } modules are the same for all texts`
      : "Importance across kinds of text",
    subtitle: `Importance 1 − cos(X, Y) by layer, measured on ${names.join(", ")}. Bars: ± 1 standard error.`,
    setting:
      `${model.name} (${model.format}) · ${packing.samples} × ${packing.length} tokens of each text · ` +
      computedText(...profiles.map(({ provenance }) => provenance)),
    reading: kinds.map(({ name, common, of }) =>
      `The least important quarter of ${name} modules has ${common} of ${of} modules in common for all texts.`
    ).join(" "),
    panels: kinds.map(({ name, lines }) =>
      layerChart(lines, { label: `${name}, importance (log)`, log: true, height: 320 })
    ),
    rows: kinds.flatMap(({ name, lines }) =>
      layerRows(lines, { series: "text", value: "importance" }).map((row) => ({ module: name, ...row }))
    ),
  };
});

/** How many of the least important quarter all profiles share. */
function commonLowest(profiles: readonly Profile[], kind: ModuleKind): { common: number; of: number } {
  const n = quarter(profiles[0].provenance.model.layers);
  const [first, ...others] = profiles.map((profile) => leastImportant(profile, kind, n));
  return {
    common: first.filter((layer) => others.every((list) => list.includes(layer))).length,
    of: first.length,
  };
}
