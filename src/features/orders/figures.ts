import { KINDS, type ModuleKind } from "core/measure/mod.ts";
import type { Guide, Guides } from "./result.ts";
import { GUIDES, SCORES } from "core/result/mod.ts";
import { COLORS, lookOfKind } from "core/show/chart/draw/colors.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { dotPlot, rankAxis } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import {
  correlationText,
  counted,
  type Finding,
  formatFixed,
  guideTitle,
  KIND_NAMES,
  reading,
  settingOf,
  textOf,
} from "core/show/words/mod.ts";

/**
 * The guides of a kind whose correlation is defined, highest first; the best of those that are known before a removal, and its rivals:
 * others whose intervals reach it. All are measured on the same modules, so intervals that overlap may still differ, and this errs on the
 * side of "cannot tell".
 */
function rankedGuides({ guides }: Guides, kind: ModuleKind) {
  const known = guides.filter((guide): guide is Guide & { rank: number } =>
    guide.module === kind && guide.rank !== null
  ).sort((a, b) => b.rank - a.rank);
  const [best = known[0], ...others] = known.filter(({ by }) => !SCORES[GUIDES[by]].hindsight);
  const rivals = others.filter(({ high }) => best.low === null || high === null || high >= best.low);
  return { known, best, rivals };
}

type Ranked = ReturnType<typeof rankedGuides> & { readonly kind: ModuleKind };

/**
 * Draws how well each score predicts the cost of a removal: Spearman's correlation over modules of one kind, with its 95 % interval. A
 * score that ranks modules as their losses do is at 1.
 */
export const guidesFigure: Draw<[Guides]> = figure("guides", "guides", (result) => {
  const kinds = KINDS.map((kind) => ({ kind, ...rankedGuides(result, kind) }))
    .filter(({ known }) => known.length > 0);
  return {
    rows: result.guides.map(({ module, by, rank, low, high, modules }) => (
      { module, score: by, rank_correlation: rank, low, high, modules }
    )),
    title: finding(kinds),
    shows: [
      "Rank correlation of each score with the loss after removing that module alone; lines: 95 % confidence intervals",
      "over the modules.",
    ],
    setting: settingOf(result.provenance, `scores on ${textOf(result.calibration.text)}`),
    reads: kinds.map(({ kind, known }) => {
      const ranks = known.map(({ by, rank }) => `${guideTitle(by)} ${formatFixed(rank, 2)}`);
      return reading`${KIND_NAMES[kind]} (${known[0].modules}): ${ranks}.`;
    }),
    panels: kinds.map((ranked, i) => chart(ranked, i === kinds.length - 1)),
  };
});

/** Kinds that share their first guide are named together. */
function finding(kinds: readonly Ranked[]): Finding {
  if (kinds.length === 0) return { topic: "No score varies over the modules" };
  const named = (some: readonly Ranked[], nameOf: (ranked: Ranked) => string) =>
    [...Map.groupBy(some, nameOf)]
      .map(([name, of]) => `${name} for ${of.map(({ kind }) => PLURALS[kind]).join(" and ")}`).join(", ");
  const clear = kinds.filter(({ rivals }) => rivals.length === 0);
  const open = kinds.filter((ranked) => !clear.includes(ranked));
  const others = named(open, ({ rivals }) => counted(rivals.length, "other"));
  return {
    found: clear.length > 0 && `Best guide to the loss: ${named(clear, ({ best }) => guideTitle(best.by))}`,
    open: others && `the best guide${clear.length > 0 ? "" : " to the loss"} from ${others}`,
  };
}

const PLURALS = { attention: "attention", mlp: "MLPs", block: "blocks" } as const;

function chart({ kind, known }: Ranked, isLast: boolean): Panel {
  const titles = known.map(({ by }) => guideTitle(by));
  const dots = known.map(({ rank, low, high }, at) => {
    const says = `${titles[at]}: ${correlationText({ rank, low, high })}`;
    return { ...lookOfKind(kind), at, value: rank, low, high, says, end: formatFixed(rank, 2) };
  });
  return dotPlot(titles, dots, {
    headings: [{ text: KIND_NAMES[kind], color: COLORS[kind] }],
    margins: { marginLeft: 190, marginRight: 68 },
    x: rankAxis("rank correlation with the loss"),
    isLast,
  });
}
