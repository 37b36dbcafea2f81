/** What shares of attention and of the MLPs models of several sizes can lose (paper, claims C1 and C2). */
import { type Check, like, list, resultOf } from "../../../entry/mod.ts";
import { type LayerModule, MODULES } from "../../../measure/mod.ts";
import type { Sweep } from "../../../result/mod.ts";
import { formatPercent } from "../../chart/draw/axes.ts";
import { FAINT } from "../../chart/draw/colors.ts";
import { isPaperCurve } from "../../chart/curves.ts";
import { formatFixed, formatTick } from "../../chart/numbers.ts";
import type { Name, Panel, Series } from "../../chart/draw/panel.ts";
import { KIND_NAMES, settingsOf } from "../../chart/setting.ts";
import { sharedText } from "../../chart/shared.ts";
import { allowedText, type SizeLine, sizeLines } from "../../chart/sizes.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { intervalText } from "../../chart/told.ts";

/** Shares by which the perplexity may rise. */
const BUDGETS = [0.01, 0.1] as const;
const [strict, wide] = BUDGETS;
const natsOf = (share: number) => Math.log(1 + share);
const percentOf = (share: number) => `${Math.round(100 * share)} %`;

const aSweep: Check = (value, path) =>
  resultOf("sweep")(value, path) ??
    like("a sweep of attention by importance, with a number of drops above 0", (value) =>
      (value as Sweep).curves.some((curve) =>
        curve.target === "attention" && isPaperCurve(curve) && curve.points.some(({ dropped }) =>
          dropped > 0
        )
      ))(value, path);

/**
 * Draws the rise of the loss against the share of modules dropped, a line for each model, and counts the attention modules that can go
 * for at most 1 % and at most 10 % more perplexity, by 95 % intervals. Where all sweeps have MLPs too, these have a panel below. Lines are
 * named after the size in the model's name: "qwen2.5-coder 1.5B". Throws `RangeError` if there is no sweep.
 *
 * @example
 * ```ts
 * import { sweep } from "lamina";
 * import { sizesFigure } from "lamina/figures";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const options = { ...text, calibration: text, by: ["importance"] as const, upto: 2 };
 * const sweepOf = (step: string) => sweep(`data/series/pre-ln/${step}`, options);
 * const { svg, reading } = sizesFigure([await sweepOf("step00512"), await sweepOf("step04096")]);
 * ```
 */
export const sizesFigure: Draw<[readonly Sweep[]]> = figure("sizes", {
  sweeps: list(aSweep, "sweeps", 1),
}, (sweeps) => {
  const kinds = MODULES.map((kind) => ({ kind, lines: sizeLines(sweeps, kind) }))
    .filter(({ lines }) => lines.length === sweeps.length);
  const [{ lines: attention }] = kinds;
  const texts = sweeps.map(({ calibration: { packing, text } }) =>
    `${packing.samples} × ${packing.length} tokens of ${text.name}`
  );
  return {
    title: `Attention that can go for at most ${percentOf(wide)} more perplexity: ${
      allowedText(attention, natsOf(wide))
    }`,
    subtitle:
      `For at most ${percentOf(strict)}: ${allowedText(attention, natsOf(strict))}; of the numbers tried. ` +
      "Rise of the loss on held-out text by share of the modules dropped, least important first; bars: 95 % " +
      `intervals, paired over samples.${sharedText(sweeps)}`,
    setting: `${settingsOf(sweeps.map(({ provenance }) => provenance))} · drop orders from ${
      [...new Set(texts)].join(", and ")
    }`,
    reading: kinds.map(({ kind, lines }) => `${KIND_NAMES[kind]}: ${lines.map(endText).join("; ")}.`).join(
      " ",
    ),
    panels: kinds.map(({ kind, lines }) => chart(kind, lines)),
    rows: kinds.flatMap(({ kind, lines }) => lines.flatMap((line) => rowsOf(kind, line))),
  };
});

/** "1.5B at 50 % 0.81 nats per token (95 %: 0.70 to 0.92)". */
function endText({ label, samples, points }: SizeLine): string {
  const last = points.at(-1)!;
  return `${label} without ${formatPercent(last.share)} +${formatFixed(last.rise, 2)} nats per token (${
    intervalText(last, samples, (nats) => nats)
  })`;
}

function rowsOf(kind: LayerModule, { model, points }: SizeLine) {
  return points.map(({ dropped, share, perplexity, rise, low, high }) => ({
    model,
    module: KIND_NAMES[kind],
    dropped,
    share,
    perplexity,
    rise,
    low: low ?? null,
    high: high ?? null,
  }));
}

/** Nats up to which the axis is linear: below them lie noise and losses that nobody would see. */
const LINEAR = 0.02;
const TICKS = {
  attention: [-0.1, -0.01, 0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
  mlp: [-1, -0.1, 0, 0.1, 1, 10],
} as const;

function chart(kind: LayerModule, lines: readonly SizeLine[]): Panel {
  const all = lines.flatMap(({ points }) => points);
  const most = Math.max(...all.map(({ share }) => share));
  const values = all.flatMap(({ rise, low = rise, high = rise }) => [rise, low, high]);
  const domain = [
    Math.min(-LINEAR, ...values) * 1.1,
    Math.max(2 * natsOf(BUDGETS[1]), ...values) * 1.1,
  ] as const;
  return {
    height: kind === "attention" ? 430 : 330,
    x: { domain: [0, most], label: `share of ${KIND_NAMES[kind]} modules dropped`, format: formatPercent },
    y: {
      type: "symlog",
      constant: LINEAR,
      domain,
      ticks: TICKS[kind].filter((tick) => tick >= domain[0] && tick <= domain[1]),
      format: (nats) => nats < 0 ? `−${formatTick(-nats)}` : nats === 0 ? "0" : formatTick(nats),
      label: `${KIND_NAMES[kind]}: nats per token lost (log above ${LINEAR})`,
      grid: true,
      rule: 0,
    },
    series: [...BUDGETS.map((budget) => level(natsOf(budget), most)), ...lines.flatMap(seriesOf)],
    names: kind === "attention" ? [nameOf(strict, most, [0.66, 0.02]), nameOf(wide, most, [0.02, 0.66])] : [],
  };
}

/** The name of a level, just above its line. */
function nameOf(budget: number, most: number, shares: readonly number[]): Name {
  const at = shares.map((x) => ({ x: x * most, y: 1.4 * natsOf(budget) }));
  return { text: `${percentOf(budget)} more perplexity`, color: FAINT, small: true, at };
}

function level(y: number, most: number): Series {
  return { color: FAINT, points: [{ x: 0, y }, { x: most, y }], width: 1.5, dash: "5 4" };
}

function seriesOf({ color, shape, label, points }: SizeLine): Series[] {
  const drawn = points.map(({ share: x, rise: y, dropped, low, high }) => ({
    ...{ x, y, low, high },
    says: `${label}, ${dropped} dropped: ${formatFixed(y, 3)} nats`,
  }));
  return [{ color, points: drawn, width: 0 }, { color, shape, points: drawn, end: label, r: 4 }];
}
