import { KINDS, type ModuleKind } from "../../../measure/mod.ts";
import { type Guide, GUIDES, type Guides, SCORES } from "../../../result/mod.ts";
import { namesAxis, reversed } from "../../chart/draw/axes.ts";
import { COLORS, lookOf } from "../../chart/draw/colors.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { type Draw, figure } from "../../chart/svg.ts";
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
} from "../../words/mod.ts";

/** A guide whose correlation is defined. */
type Known = Guide & { readonly rank: number };

/**
 * Draws how well each score predicts the cost of a removal: Spearman's correlation over the modules of a kind, with its 95 % interval. A
 * score that ranks modules as their losses do is at 1.
 */
export const guidesFigure: Draw<[Guides]> = figure("guides", "guides", (result) => {
  const kinds = KINDS.map((kind) => ({ kind, known: knownOf(result, kind) }))
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
    panels: kinds.map(({ kind, known }, i) => chart(kind, known, i === kinds.length - 1)),
  };
});

/**
 * Kinds that share their first guide are named together. A guide is the best one only where its interval lies above every
 * other's; all are measured on the same modules, so intervals that overlap may still differ, and this errs on the side of
 * "cannot tell".
 */
function finding(kinds: readonly { readonly kind: ModuleKind; readonly known: readonly Known[] }[]): Finding {
  if (kinds.length === 0) return { topic: "No score varies over the modules" };
  const named = (some: typeof kinds, name: (known: readonly Known[]) => string) =>
    [...Map.groupBy(some, ({ known }) => name(known))]
      .map(([name, of]) => `${name} for ${of.map(({ kind }) => PLURALS[kind]).join(" and ")}`).join(", ");
  const clear = kinds.filter(({ known }) => rivalsOf(known).length === 0);
  const open = kinds.filter((kind) => !clear.includes(kind));
  const best = named(clear, (known) => guideTitle(bestOf(known).by));
  const others = named(open, (known) => counted(rivalsOf(known).length, "other"));
  return {
    found: clear.length > 0 && `Best guide to the loss: ${best}`,
    open: others && `the best guide${clear.length > 0 ? "" : " to the loss"} from ${others}`,
  };
}

/** Other guides whose intervals reach that of the first one. */
function rivalsOf(known: readonly Known[]): Known[] {
  const best = bestOf(known);
  const others = known.filter((guide) => guide !== best && predicts(guide));
  return others.filter(({ high }) => best.low === null || high === null || high >= best.low);
}

const PLURALS = { attention: "attention", mlp: "MLPs", block: "blocks" } as const;

/** Highest first. */
function knownOf({ guides }: Guides, kind: ModuleKind): Known[] {
  return guides.filter((guide): guide is Known => guide.module === kind && guide.rank !== null)
    .sort((a, b) => b.rank - a.rank);
}

/** Whether a guide is known before the removal. */
const predicts = ({ by }: Guide): boolean => !SCORES[GUIDES[by]].hindsight;

/** The first that predicts. */
const bestOf = (known: readonly Known[]): Known => known.find(predicts) ?? known[0];

/** A row for each score, with its correlation at the end. */
function chart(kind: ModuleKind, known: readonly Known[], last: boolean): Panel {
  const titles = known.map(({ by }) => guideTitle(by));
  return {
    height: 44 + 26 * known.length + (last ? 50 : 12),
    headings: [{ text: KIND_NAMES[kind], color: COLORS[kind] }],
    margins: { marginLeft: 190, marginRight: 68 },
    x: {
      domain: [-1, 1],
      ticks: [-1, -0.5, 0, 0.5, 1],
      format: (value) => formatFixed(value, 1),
      label: "rank correlation with the loss",
      grid: true,
      rule: 0,
      bare: !last,
    },
    y: reversed(namesAxis(titles)),
    series: known.map(({ rank, low, high }, y) => {
      const interval = low === null || high === null ? null : { low, high };
      const says = `${titles[y]}: ${correlationText({ rank, low, high })}`;
      return {
        ...lookOf(kind),
        points: [{ x: rank, y, says, ...interval }, { x: 1, y: null }],
        width: 0,
        r: 5,
        across: true,
        end: formatFixed(rank, 2),
        plain: true,
      };
    }),
  };
}
