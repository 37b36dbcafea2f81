/** Importance across kinds of text (paper, figure on calibration sets): one profile per text, attention at the top, MLP below. */
import { list, resultOf } from "../../../entry/mod.ts";
import { type ModuleKind, MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { hueOf } from "../../chart/draw/colors.ts";
import { layerChart, layerRows } from "../../chart/lines.ts";
import { byImportance, computedText, KIND_NAMES, type RankedModule } from "../../chart/setting.ts";
import { present, quarter } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { importanceSign, unknownText } from "../../chart/told.ts";

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
    kind,
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
      } modules are the same for all texts${unknownText(kinds[0], "for")}`
      : "Importance across kinds of text",
    subtitle: `Importance 1 − cos(X, Y) by layer, measured on ${names.join(", ")}. Bars: ± 1 standard error.`,
    setting:
      `${model.name} (${model.format}) · ${packing.samples} × ${packing.length} tokens of each text · ` +
      computedText(...profiles.map(({ provenance }) => provenance)),
    reading: kinds.map(({ name, common, of, unknown }) =>
      `The least important quarter of ${name} modules has ${common} of ${of} modules in common for all texts${
        unknownText({ unknown }, "for")
      }.`
    ).join(" "),
    panels: kinds.map(({ kind, lines }) =>
      layerChart(lines, { label: "importance (log)", log: true, height: 330, kind })
    ),
    rows: kinds.flatMap(({ name, lines }) =>
      layerRows(lines, { series: "text", value: "importance" }).map((row) => ({ module: name, ...row }))
    ),
  };
});

/**
 * How many of the least important quarter all profiles share, and for how many of the others the samples cannot tell: wherever they are
 * not in the quarter, they do not differ from its last module.
 */
function commonLowest(profiles: readonly Profile[], kind: ModuleKind) {
  const n = quarter(profiles[0].provenance.model.layers);
  const lists = profiles.map((profile) => byImportance(profile, kind).slice(0, n));
  const [first] = lists;
  const has = (list: readonly RankedModule[], layer: number) => list.some((other) => other.layer === layer);
  const mayBelong = ({ layer }: RankedModule) =>
    lists.every((list, i) =>
      has(list, layer) ||
      importanceSign(profiles[i], { module: kind, layer, score: 0 }, list.at(-1)!) === 0
    );
  const common = first.filter(({ layer }) => lists.every((list) => has(list, layer)));
  const others = first.filter((module) => !common.includes(module));
  return { common: common.length, of: first.length, unknown: others.filter(mayBelong).length };
}
