/** Two profiles on one scale, importance by layer: two models, two steps of training, a compressed model against its original. */
import { resultOf } from "../../../entry/mod.ts";
import { KINDS, planPhrase, spearman } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { logDomain } from "../../chart/draw/axes.ts";
import { lookOf } from "../../chart/draw/colors.ts";
import { layerChart, layerRows } from "../../chart/lines.ts";
import {
  formatFixed,
  formatNumber,
  leastImportant,
  median,
  present,
  quarter,
  shared,
} from "../../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/**
 * Draws the importance of every module in two profiles: attention, MLP and block, one below the other. The models may differ in depth;
 * the reading says so if their layers cannot be ranked together.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { comparisonFigure } from "lamina/figures";
 *
 * const options = { text: "README.md", samples: 2, length: 32 };
 * const [a, b] = ["step00000", "step00512"].map((step) => profile(`data/series/pre-ln/${step}`, options));
 * const { svg, reading } = comparisonFigure(await a, await b);
 * ```
 */
export const comparisonFigure: Draw<[Profile, Profile]> = figure("comparison", {
  "the first": resultOf("profile"),
  "the second": resultOf("profile"),
}, (a, b) => {
  const names = namesOf(a, b);
  const kinds = KINDS.map((kind) => ({
    kind,
    lines: [a, b].map((profile, i) => ({
      label: names[i],
      ...lookOf(kind),
      values: profile[kind].importance,
      errors: profile[kind].standardError,
      ...i === 0 ? {} : { dash: "6 4", hollow: true },
    })),
  })).filter(({ lines }) => lines.some(({ values }) => present(values).length > 0));
  const domain = logDomain(kinds.flatMap(({ lines }) => lines.flatMap(({ values }) => present(values))));
  return {
    title: titleOf(a, b, names),
    subtitle:
      `Importance 1 − cos(X, Y) by layer, on one scale. Filled, solid: ${names[0]}; hollow, dashed: ` +
      `${names[1]}. Bars: ± 1 standard error.`,
    setting: [...new Set([a, b].map(({ provenance }) => settingOf(provenance)))].join("; "),
    reading: readingOf(a, b),
    panels: kinds.map(({ kind, lines }) =>
      layerChart(lines, { label: `${KIND_NAMES[kind]}, importance (log)`, log: true, height: 270, domain })
    ),
    rows: kinds.flatMap(({ kind, lines }) =>
      layerRows(lines, { series: "profile", value: "importance" })
        .map((row) => ({ module: KIND_NAMES[kind], ...row }))
    ),
  };
});

/** The fact that differs: model, weight format, text, what is dropped, or else their order. */
function namesOf(a: Profile, b: Profile): [string, string] {
  const facts: readonly ((profile: Profile) => string)[] = [
    ({ provenance: { model } }) => model.name,
    ({ provenance: { model } }) => model.format,
    ({ provenance: { text } }) => text.name,
    ({ provenance: { drop } }) => planPhrase(drop),
  ];
  const differing = facts.find((read) => read(a) !== read(b));
  return differing ? [differing(a), differing(b)] : ["first", "second"];
}

function titleOf(a: Profile, b: Profile, names: readonly [string, string]): string {
  const medians = [a, b].map(({ attention }) => median(attention.importance));
  if (medians.some((value) => value === null)) return `Importance in ${names[0]} and ${names[1]}`;
  return `Attention's median importance: ${formatNumber(medians[0]!)} in ${names[0]}, ${
    formatNumber(medians[1]!)
  } in ${names[1]}`;
}

function readingOf(a: Profile, b: Profile): string {
  const layers = [a, b].map(({ provenance }) => provenance.model.layers);
  if (layers[0] !== layers[1]) {
    return `The models have ${layers[0]} and ${layers[1]} layers, so their ranks cannot be compared.`;
  }
  const agreements = KINDS.flatMap((kind) => {
    const pairs = a[kind].importance.flatMap((value, layer) => {
      const other = b[kind].importance[layer];
      return value === null || other === null ? [] : [[value, other] as const];
    });
    const rank = spearman(pairs.map(([value]) => value), pairs.map(([, value]) => value));
    const lowest = [a, b].map((profile) => leastImportant(profile, kind, quarter(layers[0])));
    if (lowest.some(({ length }) => length === 0)) return [];
    return [
      `${KIND_NAMES[kind]}: ${shared(lowest[0], lowest[1])} of the ${
        lowest[0].length
      } least important in both` +
      (pairs.length > 2 && Number.isFinite(rank) ? `, rank correlation ${formatFixed(rank, 2)}` : ""),
    ];
  });
  return agreements.length ? `${agreements.join("; ")}.` : "The models have no module in common.";
}
