import { type Check, like, list, plain, resultOf } from "../../../entry/mod.ts";
import { interval95, type LayerModule, MODULES } from "../../../measure/mod.ts";
import { isPaperCurve, RISE, type Sweep } from "../../../result/mod.ts";
import { formatPercent } from "../../chart/draw/axes.ts";
import { FAINT, hueOf } from "../../chart/draw/colors.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { fitted } from "../../chart/draw/text_width.ts";
import { lineChart, symlogAxis } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import {
  allowedText,
  intervalText,
  KIND_NAMES,
  reading,
  settingsOf,
  sharedText,
  tokensOf,
} from "../../words/mod.ts";

/** Shares by which the perplexity may rise, and where on the axis of shares their names find room. */
const BUDGETS = [{ share: 0.01, at: [0.66, 0.02] }, { share: 0.1, at: [0.02, 0.66] }] as const;
const natsOf = (share: number) => Math.log(1 + share);

const aSweep: Check = (value, path) =>
  resultOf("sweep")(value, path) ??
    like("a sweep of attention by importance, with a number of drops above 0", (value) =>
      (value as Sweep).curves.some((curve) =>
        curve.target === "attention" && isPaperCurve(curve) && curve.points.some(({ dropped }) =>
          dropped > 0
        )
      ))(value, path);

/**
 * Draws the rise of the loss against the share of modules dropped, a line for each model, and counts the attention modules that can go for
 * at most 1 % and at most 10 % more perplexity, by 95 % intervals (paper, claims C1 and C2). Where all sweeps have MLPs too, these have a
 * panel below. Lines are named after the size in the model's name: "qwen2.5-coder 1.5B". Throws `RangeError` if there is no sweep.
 */
export const sizesFigure: Draw<[readonly Sweep[]]> = figure("sizes", {
  sweeps: list(aSweep, "sweeps", 1),
}, (sweeps) => {
  const kinds = MODULES.map((kind) => ({ kind, lines: sizeLines(sweeps, kind) }))
    .filter(({ lines }) => lines.length === sweeps.length);
  const [strict, wide] = BUDGETS.map(({ share }) => allowedText(kinds[0].lines, natsOf(share)));
  const texts = [...new Set(sweeps.map(({ calibration }) => tokensOf(calibration)))].join(", and ");
  return {
    rows: kinds.flatMap(({ lines }) => lines.flatMap(({ rows }) => rows)),
    title: `Attention that can go for at most 10 % more perplexity: ${wide}`,
    shows: [
      `For at most 1 %: ${strict}; of the numbers tried. Rise of the loss on held-out text by share of the`,
      "modules dropped, least important first; bars: 95 % intervals, paired over samples.",
      sharedText(sweeps),
    ],
    setting: settingsOf(sweeps.map(({ provenance }) => provenance), `drop orders from ${texts}`),
    reads: kinds.map(({ kind, lines }) => `${KIND_NAMES[kind]}: ${lines.map(endText).join("; ")}.`),
    panels: kinds.map(({ kind, lines }) => chart(kind, lines)),
  };
});

/** "1.5B without 50 % +0.81 nats per token (95 %: 0.70 to 0.92)". */
function endText({ label, layers, samples, points }: SizeLine): string {
  const { dropped, rise } = points.at(-1)!;
  return reading`${label} without ${formatPercent(dropped / layers)} +${{ fixed: rise, decimals: 2 }} nats
    per token (${intervalText(points.at(-1)!, samples)})`;
}

const TICKS = { attention: [-0.1, -0.01, 0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10], mlp: [-1, -0.1, 0, 0.1, 1, 10] };

function chart(kind: LayerModule, lines: readonly SizeLine[]): Panel {
  const most = Math.max(...lines.flatMap(({ rows }) => rows.map(({ share }) => share)));
  const [name, linear, to] = [KIND_NAMES[kind], 0.02, 2 * natsOf(0.1)];
  const label = `${name}: ${RISE} (log above ${linear})`;
  const groups = lines.map(({ label, color, shape, rows }) => ({ label, color, shape, rows }));
  const panel = lineChart(groups, "share", "rise", {
    height: kind === "attention" ? 430 : 330,
    ends: ["low", "high"],
    across: { domain: [0, most], label: `share of ${name} modules dropped`, format: formatPercent },
    up: (ends) => symlogAxis(ends, { linear, from: -linear, to, ticks: TICKS[kind], label }),
    r: 4,
    says: ({ dropped, rise }, label) =>
      reading`${label}, ${dropped} dropped: ${{ fixed: rise, decimals: 3 }} nats`,
  });
  const names = BUDGETS.map(({ share, at }) => ({
    text: `${formatPercent(share)} more perplexity`,
    color: FAINT,
    small: true,
    at: at.map((x) => ({ x: x * most, y: 1.4 * natsOf(share) })),
  }));
  const levels = BUDGETS.map(({ share }) => (
    { color: FAINT, points: [0, most].map((x) => ({ x, y: natsOf(share) })), width: 1.5, dash: "5 4" }
  ));
  return { ...panel, series: [...levels, ...panel.series!], names: kind === "attention" ? names : [] };
}

type SizeLine = ReturnType<typeof sizeLines>[number];

/** The curves of a kind of module by importance, one for each sweep that has it; `size` is the shortest name that tells it from the others. */
function sizeLines(sweeps: readonly Sweep[], module: LayerModule) {
  const names = sweeps.map(({ provenance }) => sizedName(provenance.model.name));
  const sizes = new Set(names.map(({ size }) => size));
  const isDistinct = sizes.size === names.length && !sizes.has(null);
  return sweeps.flatMap(({ curves, provenance }, i) => {
    const curve = curves.find((curve) => curve.target === module && isPaperCurve(curve));
    if (!curve) return [];
    const { model: { name: model, layers }, packing: { samples } } = provenance;
    const { label, size } = names[i];
    const rows = curve.points.map(({ dropped, perplexity, rise, riseError }) => {
      const [low, high] = interval95(rise, riseError, samples).map((end) =>
        dropped > 0 && Number.isFinite(end) ? end : null
      );
      return { model, module, dropped, share: dropped / layers, perplexity, rise, low, high };
    });
    return [{
      ...{ ...hueOf(i), label, rows },
      ...{ size: isDistinct ? size! : label, layers, samples, points: curve.points },
    }];
  });
}

const shortenedTo = (name: string) => fitted(name, 220, 16);

/** "smollm2-135m-instruct-q4_1" → "smollm2 135M". */
function sizedName(name: string): { readonly label: string; readonly size: string | null } {
  const found = /^(.*?)[-_. ]?\b(\d+(?:\.\d+)?)([mb])(?![a-z\d])/i.exec(plain(name));
  if (!found) return { label: shortenedTo(plain(name)), size: null };
  const size = `${found[2]}${found[3].toUpperCase()}`;
  return { label: `${shortenedTo(found[1])} ${size}`.trim(), size };
}
