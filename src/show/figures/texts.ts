/** Importance across kinds of text (paper, figure on calibration sets): one profile per text, attention at the top, MLP below. */
import { type ModuleKind, MODULES } from "../../measure/mod.ts";
import { expect, list, resultOf } from "../../entry/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { HUES } from "../chart/axes.ts";
import { layerChart, layerRows } from "../chart/by_layer.ts";
import { SHAPE_ORDER } from "../chart/marks.ts";
import { computedText, KIND_NAMES } from "../chart/setting.ts";
import { leastImportant, quarter } from "../chart/summary.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";

/**
 * Draws profiles of one model over several texts. Throws `RangeError` if there is no profile.
 *
 * @example
 * ```ts
 * import { openSeries, profile, textsFigure } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const results = [];
 * for (const text of ["README.md", "LICENSE"]) {
 *   results.push(await profile(model, { text, samples: 2, length: 32 }));
 * }
 * const { svg } = textsFigure(results);
 * model.close();
 * ```
 */
export function textsFigure(profiles: readonly Profile[]): Figure {
  expect("draw", "profiles", profiles, list(resultOf("profile"), "profiles", 1));
  if (profiles.length === 0) {
    throw new RangeError("Cannot draw importance across texts: found no profile, expected one per text");
  }
  const { model, packing } = profiles[0].provenance;
  const kinds = MODULES
    .filter((kind) => profiles.some((profile) => profile[kind].importance.some((value) => value !== null)));
  const agreements = kinds.map((kind) => ({ kind, ...commonLowest(profiles, kind) }));
  const panels = kinds.map((kind) => ({ kind, series: seriesOf(profiles, kind) }));
  const names = profiles.map(({ provenance }) => provenance.text.name);
  return drawFigure({
    name: "texts",
    title: agreements.length
      ? `${agreements[0].common} of the ${agreements[0].of} least important ${
        KIND_NAMES[agreements[0].kind]
      } modules are the same for all texts`
      : "Importance across kinds of text",
    subtitle: `Importance 1 − cos(X, Y) by layer, measured on ${names.join(", ")}. Bars: ± 1 standard error.`,
    setting:
      `${model.name} (${model.format}) · ${packing.samples} × ${packing.length} tokens of each text · ` +
      computedText(...profiles.map(({ provenance }) => provenance)),
    reading: agreements.map(({ kind, common, of }) =>
      `The least important quarter of ${
        KIND_NAMES[kind]
      } modules has ${common} of ${of} modules in common for all texts.`
    ).join(" "),
    panels: panels.map(({ kind, series }) =>
      layerChart(series, { label: `${KIND_NAMES[kind]}, importance (log)`, log: true, height: 320 })
    ),
    rows: panels.flatMap(({ kind, series }) =>
      layerRows(series, { series: "text", value: "importance" })
        .map((row) => ({ module: KIND_NAMES[kind], ...row }))
    ),
  });
}

function seriesOf(profiles: readonly Profile[], kind: ModuleKind) {
  return profiles.map((profile, i) => ({
    label: profile.provenance.text.name,
    color: HUES[i % HUES.length],
    shape: SHAPE_ORDER[i % SHAPE_ORDER.length],
    values: profile[kind].importance,
    errors: profile[kind].standardError,
  }));
}

/** How many of the least important quarter all profiles share. */
function commonLowest(profiles: readonly Profile[], kind: ModuleKind): { common: number; of: number } {
  const n = quarter(profiles[0].provenance.model.layers);
  const [first, ...others] = profiles.map((profile) => leastImportant(profile, kind, n));
  return {
    common: first.filter((layer) => others.every((list) => list.includes(layer))).length,
    of: first.length,
  };
}
