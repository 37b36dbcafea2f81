/** KL(p‖p′) against half the variance of the logits' change, to which it tends as drops get small (He et al., arXiv 2603.24652). */
import { planPhrase } from "../../../measure/mod.ts";
import type { Generation, TextChanges } from "../../../result/mod.ts";
import { logAxis, logDomain, thinned } from "../../chart/draw/axes.ts";
import { FAINT } from "../../chart/draw/colors.ts";
import { type Panel, type Series, sharing } from "../../chart/draw/panel.ts";
import { formatFixed, formatNumber } from "../../chart/numbers.ts";
import { sharedText } from "../../chart/shared.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { generationRows, generationSetting, type Mode, withEnds } from "../../tables/generation.ts";
import { type PlanLine, planLines } from "./generation.ts";

/** A divergence, and the variance that it is held against. */
const PAIRS = [
  { x: "variance", y: "kl", label: "KL(p‖p′), nats", under: "Var(Δz)/2T² under p" },
  { x: "squares", y: "distance", label: "1 − cos(p, p′)", under: "Var(Δz)/2T² under p²" },
] as const;
type Pair = typeof PAIRS[number];

/** Dots of all plans in a panel: more would hide each other. */
const DOTS = 400;

/**
 * Draws KL against half the variance of the logits' change, and 1 − cos against that under p², a dot for each step. On the line both are
 * equal.
 *
 * @example
 * ```ts
 * import { generation } from "lamina";
 * import { expansionFigure } from "lamina/figures";
 *
 * const options = { prompts: ["The model", "A layer"], tokens: 8 };
 * const { svg, reading } = expansionFigure(await generation("data/series/pre-ln/step00512", [{ mlp: [3] }], options));
 * ```
 */
export const expansionFigure: Draw<[Generation]> = figure("expansion", "generation", (result) => {
  const lines = planLines(result);
  return {
    title: titleOf(result),
    subtitle:
      "Dots: single steps; large: means over all steps. Top: KL against half the variance of the logits' change. " +
      "Bottom: 1 − cosine of probabilities against the variance under squared probabilities. On the line both are equal." +
      sharedText([result]),
    setting: generationSetting(result),
    reading: lines.map(({ label, plan: { forced, free } }) =>
      `${label}: slope of KL ${slopeText(forced.slopes.kl)} on the full model's text and ${
        slopeText(free.slopes.kl)
      } on its own; of 1 − cos ${slopeText(forced.slopes.distance)} and ${slopeText(free.slopes.distance)}.`
    ).join(" "),
    key: lines,
    panels: PAIRS.flatMap((pair, i) => {
      const modes = ["forced", "free"] as const;
      const domain = domainOf(result, pair);
      return sharing(modes.map((mode) => chart(lines, { pair, mode, domain, first: i === 0 })));
    }),
    rows: generationRows(result),
  };
});

const slopeText = (slope: Parameters<typeof withEnds>[0]) =>
  withEnds(slope, (value) => formatFixed(value, 2)) ?? "undefined";

/** The plans with the least and the largest change, on the full model's text. */
function titleOf({ plans }: Generation): string {
  const known = plans.filter(({ forced: { means, slopes } }) => means.variance && slopes.kl)
    .sort((a, b) => a.forced.means.variance!.value - b.forced.means.variance!.value);
  if (known.length === 0) return "KL against half the variance of the logits' change";
  const ends = known.length === 1 ? known : [known[0], known.at(-1)!];
  return `Slope of KL against half the variance: ${
    ends.map(({ drop, forced }) => `${slopeText(forced.slopes.kl)} ${planPhrase(drop)}`).join(", ")
  }`;
}

/** Numbers below this are rounding of float32 logits. */
const LEAST = 1e-9;

interface Dot {
  readonly x: number;
  readonly y: number;
}

/** The steps of some texts at which both numbers are more than rounding. */
function dotsOf(texts: readonly TextChanges[], { x, y }: Pair): Dot[] {
  return texts.flatMap((text) => text[x].map((value, step) => ({ x: value, y: text[y][step] })))
    .filter(({ x, y }) => x > LEAST && y > LEAST);
}

/** The same for both axes and both texts, so that the line is the diagonal. */
function domainOf({ plans }: Generation, pair: Pair): [number, number] {
  const texts = plans.flatMap(({ forced, free }) => [...forced.texts, ...free.texts]);
  return logDomain(dotsOf(texts, pair).flatMap(({ x, y }) => [x, y]));
}

function chart(
  lines: readonly PlanLine[],
  { pair, mode, domain, first }: {
    readonly pair: Pair;
    readonly mode: Mode;
    readonly domain: readonly [number, number];
    readonly first: boolean;
  },
): Panel {
  const heading = mode === "forced" ? "on the full model's text" : "each on its own text";
  return {
    height: 330,
    headings: [{ text: first ? heading : "" }],
    x: { ...logAxis(domain, pair.under), small: true },
    y: logAxis(domain, pair.label),
    series: [
      { color: FAINT, points: domain.map((end) => ({ x: end, y: end })), width: 1.5 },
      ...lines.map((line) => cloudOf(line, pair, { mode, most: Math.ceil(DOTS / lines.length) })),
      ...lines.flatMap((line) => meanOf(line, pair, mode)),
    ],
  };
}

function cloudOf(
  { plan, color, shape }: PlanLine,
  pair: Pair,
  { mode, most }: { readonly mode: Mode; readonly most: number },
): Series {
  return {
    color,
    shape,
    points: thinned(dotsOf(plan[mode].texts, pair), most),
    width: 0,
    r: 2,
    opacity: 0.35,
  };
}

function meanOf({ plan, label, color, shape }: PlanLine, { x, y, label: name }: Pair, mode: Mode): Series[] {
  const { [x]: across, [y]: up } = plan[mode].means;
  if (!across || !up || across.value <= LEAST || up.value <= LEAST) return [];
  const says = `${label}: ${name} ${formatNumber(up.value)}, variance ${formatNumber(across.value)}`;
  return [{ color, shape, points: [{ x: across.value, y: up.value, says }], width: 0, r: 7 }];
}
