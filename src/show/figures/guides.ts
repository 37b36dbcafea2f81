/**
 * How good a guide each score is to what a removal costs: Spearman's correlation over the modules of a kind, with its 95 %
 * confidence interval. A score that ranks modules as their losses do is at 1.
 */
import { KINDS, type ModuleKind } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import { type Guide, GUIDES, type Guides, SCORES } from "../../result/mod.ts";
import { AXIS_X, COLORS } from "../chart/axes.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatFixed } from "../chart/numbers.ts";
import { guideTitle } from "../chart/scores.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { counted } from "../chart/summary.ts";
import { drawFigure, FAINT, type Figure, INK, WIDTH } from "../chart/svg.ts";

/** A guide whose correlation is defined. */
type Known = Guide & { readonly rank: number };

/**
 * Draws how well each score ranks modules by the loss of their removal.
 *
 * @example
 * ```ts
 * import { guides, guidesFigure, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await guides(model, { text: "README.md", samples: 2, length: 32, heldOut: "LICENSE" });
 * const { svg, reading } = guidesFigure(result);
 * model.close();
 * ```
 */
export function guidesFigure(result: Guides): Figure {
  expect("draw", "result", result, resultOf("guides"));
  const kinds = KINDS.map((kind) => ({ kind, known: knownOf(result, kind) }))
    .filter(({ known }) => known.length > 0);
  const { text } = result.calibration;
  return drawFigure({
    name: "guides",
    title: titleOf(kinds),
    subtitle: "Rank correlation of each score with the loss after removing that module alone; lines: 95 % " +
      "confidence intervals over the modules.",
    setting: `${settingOf(result.provenance)} · scores on ${
      text.name === "file" ? "a text file" : text.name
    }`,
    reading: kinds.map(({ kind, known }) =>
      `${KIND_NAMES[kind]} (${known[0].modules}): ${
        known.map(({ by, rank }) => `${guideTitle(by)} ${formatFixed(rank, 2)}`).join(", ")
      }.`
    ).join(" "),
    panels: kinds.map(({ kind, known }, i) => chart(kind, known, i === kinds.length - 1)),
    rows: result.guides.map(({ module, by, rank, low, high, modules }) => ({
      module: KIND_NAMES[module],
      score: by,
      rank_correlation: rank,
      low,
      high,
      modules,
    })),
  });
}

/**
 * Kinds that share their first guide are named together. A guide is the best one only where its interval lies above every
 * other's; all are measured on the same modules, so intervals that overlap may still differ, and this errs on the side of
 * "cannot tell".
 */
function titleOf(kinds: readonly { readonly kind: ModuleKind; readonly known: readonly Known[] }[]): string {
  if (kinds.length === 0) return "No score varies over the modules";
  const named = (some: typeof kinds, name: (known: readonly Known[]) => string) =>
    [...Map.groupBy(some, ({ known }) => name(known))]
      .map(([name, of]) => `${name} for ${of.map(({ kind }) => PLURALS[kind]).join(" and ")}`).join(", ");
  const clear = kinds.filter(({ known }) => rivalsOf(known).length === 0);
  const open = kinds.filter((kind) => !clear.includes(kind));
  const best = named(clear, (known) => guideTitle(bestOf(known).by));
  if (open.length === 0) return `Best guide to the loss: ${best}`;
  const unclear = `Cannot tell the best guide to the loss from ${
    named(open, (known) => counted(rivalsOf(known).length, "other"))
  }`;
  return clear.length === 0 ? unclear : `Best guide to the loss: ${best}. ${unclear}`;
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
function predicts({ by }: Guide): boolean {
  return !SCORES[GUIDES[by]].hindsight;
}

/** The first that predicts. */
function bestOf(known: readonly Known[]): Known {
  return known.find(predicts) ?? known[0];
}

function chart(kind: ModuleKind, known: readonly Known[], last: boolean): Plot.PlotOptions {
  const color = COLORS[kind];
  const bottom = last ? 50 : 12;
  return {
    width: WIDTH,
    height: 34 + 26 * known.length + bottom,
    marginLeft: 190,
    marginRight: 68,
    marginTop: 34,
    marginBottom: bottom,
    x: { domain: [-1, 1], axis: null },
    y: { type: "point", domain: known.map(({ by }) => by), padding: 0.5 },
    marks: [
      Plot.gridX([-1, -0.5, 0.5, 1], { stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.ruleX([0], { stroke: INK }),
      Plot.text([KIND_NAMES[kind]], {
        frameAnchor: "top-left",
        text: String,
        fill: color,
        fontWeight: 600,
        dx: -166,
        dy: -26,
        textAnchor: "start",
      }),
      Plot.axisY({ color: INK, tickSize: 0, label: null, tickFormat: guideTitle }),
      ...last
        ? [Plot.axisX([-1, -0.5, 0, 0.5, 1], {
          ...AXIS_X,
          tickFormat: (value: number) => formatFixed(value, 1),
          label: "rank correlation with the loss",
        })]
        : [],
      Plot.ruleY(known.filter(({ low }) => low !== null), {
        y: "by",
        x1: "low",
        x2: "high",
        stroke: color,
        strokeWidth: 3,
        strokeOpacity: 0.35,
      }),
      dots(known, {
        x: "rank",
        y: "by",
        color,
        shape: SHAPES[kind],
        title: ({ by, rank, low, high }) =>
          `${guideTitle(by)}: ${formatFixed(rank, 2)}` +
          (low === null || high === null ? "" : ` (${formatFixed(low, 2)} to ${formatFixed(high, 2)})`),
        r: 5,
      }),
      Plot.text(known, {
        y: "by",
        text: ({ rank }: Known) => formatFixed(rank, 2),
        frameAnchor: "right",
        textAnchor: "start",
        dx: 12,
        fill: FAINT,
      }),
    ],
  };
}
