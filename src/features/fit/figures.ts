import { planHash, planText } from "core/measure/mod.ts";
import type { Fit } from "./result.ts";
import { sharedSaving } from "./worth.ts";
import { fewTicks, formatPercent } from "core/show/chart/draw/axes.ts";
import { INK, lookOfKind } from "core/show/chart/draw/colors.ts";
import type { Series } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { fitRows } from "./table.ts";
import {
  answerText,
  baseText,
  costsOf,
  costText,
  fitSetting,
  limitText,
  mostOnAxis,
  wayText,
} from "./words.ts";
import { counted, formatFixed, formatShare, KIND_NAMES, modules, reading } from "core/show/words/mod.ts";

type Tried = Fit["tried"][number];

/** Costs are drawn up to so many times the promise. */
const REACH = 4;

/** Draws the cost of every plan that a fit tried, with its 95 % interval, against what it saves; the promise, and the answer. */
export const fitFigure: Draw<[Fit]> = figure("fit", "fit", (fit) => {
  const { aim, saving, confirmed, file } = fit;
  const { axis, onAxis } = costsOf(aim);
  const tried = [...new Map(fit.tried.toReversed().map((one) => [planHash(one.drop), one])).values()];
  const limit = mostOnAxis(aim);
  const most = limit === null ? Infinity : REACH * limit;
  const shown = tried.filter(({ cost }) => onAxis(cost.value) <= most);
  const points = shown.map((one): Drawn => drawn(fit, one, one.cost, false));
  const beside = (fit.beside ?? []).map((one) => drawn(fit, one, one.cost)).filter(({ y }) => y <= most);
  const answered = confirmed.find((test) => test.tried === fit.answer);
  const ring = answered ? [drawn(fit, fit.tried[answered.tried], answered.cost)] : [];
  const all = [...points, ...beside, ...ring];
  const high = Math.min(most, Math.max(limit ?? 1e-6, ...all.map(({ high }) => high)));
  const low = Math.max(-high, Math.min(0, ...all.map(({ low }) => low)));
  const widest = Math.max(0.01, ...all.map(({ x }) => x));
  const clipped = (points: readonly Drawn[]) =>
    points.map((point) => ({ ...point, low: Math.max(low, point.low), high: Math.min(high, point.high) }));
  const byTarget = [...Map.groupBy(points, ({ target }) => target)];
  const byWay = [...Map.groupBy(beside, ({ target, by }) => target === "types" ? by : target)];
  const hidden = tried.length - shown.length;
  return {
    rows: fitRows(fit),
    title: finding(fit),
    shows: [
      "Cost of each plan that was tried, on the samples that chose (95 %), against what it saves.",
      limit !== null && "Dashed: the promise.",
      "Ring: the answer, on the samples that confirm it.",
      beside.length > 0 && "Diamonds: as large a saving by other means, on the same samples.",
    ],
    setting: fitSetting(fit, `confirmed on ${fit.confirming.packing.samples} others`),
    reads: [
      answerText(fit),
      hidden > 0 && `The picture leaves out ${counted(hidden, "plan")} that cost more.`,
    ],
    key: [
      ...byTarget.map(([target]) => ({ label: KIND_NAMES[target], ...lookOfKind(target) })),
      ...byWay.filter(([name]) => !isKind(name)).map(([label, [{ target }]]) => (
        { label, color: lookOfKind(target).color, shape: "diamond", hollow: true } as const
      )),
      ...ring.map(() => ({ label: "the answer", color: INK, shape: "circle", hollow: true } as const)),
    ],
    panels: [{
      height: 400,
      x: {
        domain: [0, 1.08 * widest],
        ticks: fewTicks([0, 1.08 * widest], 4),
        label: saving === "kv-bytes"
          ? "keys and values saved"
          : file
          ? `saved of ${baseText(fit)}`
          : "parameters saved",
        format: widest < 0.1 ? (value) => `${formatFixed(100 * value, 1)} %` : formatPercent,
      },
      y: {
        domain: [low, 1.05 * high],
        label: `cost, ${axis}`,
        grid: true,
        ...limit === null ? { rule: 0 } : { rule: limit, dashed: true },
      },
      series: [
        { color: INK, shape: "circle", hollow: true, width: 0, r: 10, points: clipped(ring) },
        ...byWay.map(([, own]): Series => ({
          ...{ color: lookOfKind(own[0].target).color, shape: "diamond", hollow: true },
          ...{ points: clipped(own), width: 0, r: 5 },
        })),
        ...byTarget.map(([target, own]): Series => (
          { ...lookOfKind(target), points: clipped(own), width: 0, r: 5 }
        )),
      ],
    }],
  };
});

const isKind = (name: string): name is keyof typeof KIND_NAMES => Object.hasOwn(KIND_NAMES, name);

type Drawn = ReturnType<typeof drawn>;

function drawn(fit: Fit, one: Tried, cost: Tried["cost"], confirmed = true) {
  const { aim, saving } = fit;
  const { target, by, saves } = one;
  const { onAxis } = costsOf(aim);
  return {
    ...{ target, by },
    x: saving === "parameters" ? sharedSaving(fit, one) : saves.kvShare,
    y: onAxis(cost.value),
    low: onAxis(cost.low),
    high: onAxis(cost.high),
    says: `${planText(one.drop)} (${wayText(one)}): ${costText(aim, cost, confirmed)}`,
  };
}

function finding(fit: Fit): string {
  const { aim, answer, tried, provenance: { model: { layers } } } = fit;
  if (answer === null) return `${limitText(aim)}: nothing is sure to keep it`;
  const { dropped, target, repair } = tried[answer];
  if (target === "types") {
    return `${limitText(aim)}: a file that is ${formatShare(fit.verdict.share!)} smaller`;
  }
  const of = target === "joint" ? 2 * layers : layers;
  return reading`${limitText(aim)}: ${modules(target, dropped, of)} can go${
    repair && `, repaired by ${repair}`
  }`;
}
