import { planText } from "core/measure/mod.ts";
import { fewTicks } from "core/show/chart/draw/axes.ts";
import { COLORS, FAINT, HUES, INK } from "core/show/chart/draw/colors.ts";
import type { Point, Series } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { formatFixed, formatShare } from "core/show/words/numbers.ts";
import type { Fit, Row } from "./result.ts";
import { fitRows } from "./table.ts";
import {
  answerRow,
  answerText,
  baselineName,
  fitSetting,
  headline,
  kldText,
  promiseText,
  savedShare,
} from "./words.ts";

/** Divergences are drawn up to so many times the largest confirmed one. */
const REACH = 2.5;

/** Draws divergence against the size of the file: the predicted path, plans that were looked at and confirmed, and other means. */
export const fitFigure: Draw<[Fit]> = figure("fit", "fit", (fit) => {
  const { file, curve, looks, confirmed, answer, baselines, aims } = fit;
  const scale = file ? 1e6 : 1;
  const sizeOf = (row: Row) => file ? (row.bytes ?? file.original) / scale : 1 - row.saves.parametersShare;
  const pointOf = (row: Row, name: string): Point => ({
    x: sizeOf(row),
    y: row.kld.value,
    low: row.kld.low ?? row.kld.value,
    high: row.kld.high ?? row.kld.value,
    says: `${name} (${planText(row.drop)}): KLD ${kldText(row.kld.value)}`,
  });
  const limit = aims.find(({ of }) => of === "kld")?.amount;
  const row = answerRow(fit);
  const widest = Math.max(limit ?? 0, ...confirmed.map(({ kld }) => kld.high ?? kld.value));
  const most = REACH * (widest || 1);
  const shift = pathShift(fit);
  const predicted = shift === null
    ? []
    : curve.map(({ saved, kld }) => ({ x: (shift - saved) / scale, y: kld })).filter(({ y }) => y <= most);
  const shown = baselines.filter(({ kld }) => kld.value <= most);
  const points = [...confirmed, ...looks, ...shown].map((row) => pointOf(row, ""));
  const xs = [...points.map(({ x }) => x), ...file ? [file.original / scale] : [1]];
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const width = high - low || 1;
  const room = 0.06 * width;
  const top = Math.min(most, Math.max(limit ?? 0, ...points.map(({ high }) => high ?? 0)));
  const within = predicted.filter(({ x, y }) => x >= low - room && y <= 1.05 * top);
  const clipped = (points: readonly Point[]) =>
    points.map((point) => ({
      ...point,
      high: Math.min(top, point.high ?? 0),
      low: Math.max(0, point.low ?? 0),
    }));
  const dots = (rows: readonly Row[], name: (row: never) => string, look: Omit<Series, "points">): Series => (
    { ...look, width: 0, points: clipped(rows.map((row) => pointOf(row, name(row as never)))) }
  );
  const series: Series[] = [
    { color: FAINT, points: within, width: 2 },
    dots(row ? [row] : [], () => "the answer", { color: INK, shape: "circle", hollow: true, r: 10 }),
    dots(looks, () => "look", { color: COLORS.attention, shape: "circle", hollow: true, r: 5 }),
    dots(confirmed, () => "confirmed", { color: COLORS.types, shape: "circle", r: 5 }),
    dots(shown, baselineName, { color: HUES[1], shape: "diamond", r: 6 }),
  ];
  return {
    rows: fitRows(fit),
    title: row
      ? `${promiseText(aims)}: a file that is ${formatShare(savedShare(fit, row))} smaller`
      : `${promiseText(aims)}: nothing is sure to keep it`,
    shows: [
      "Divergence from the model as stored (KL of the next token, 95 %) against the size of the file.",
      "Line: what parts measured alone predict.",
      limit !== undefined && "Dashed: the limit.",
      answer !== null && "Ring: the answer.",
    ],
    setting: fitSetting(fit),
    reads: [row ? `${headline(fit)}.` : "", answerText(fit)],
    key: [
      { label: "looked at", color: COLORS.attention, shape: "circle", hollow: true },
      { label: "confirmed", color: COLORS.types, shape: "circle" },
      ...shown.length > 0 ? [{ label: "other means", color: HUES[1], shape: "diamond" } as const] : [],
    ],
    panels: [{
      height: 400,
      x: {
        domain: [low - room, high + room],
        ticks: fewTicks([low - room, high + room], 4),
        label: file ? "size of the file, MB" : "share of the weights",
        format: (value) => file ? formatFixed(value, width < 5 ? 1 : 0) : formatShare(value),
      },
      y: {
        domain: [0, 1.08 * (top || 1)],
        label: "KLD, nats",
        grid: true,
        ...limit === undefined ? {} : { rule: limit, dashed: true },
      },
      series,
      names: shown.map((row) => ({
        text: baselineName(row),
        color: HUES[1],
        at: [{ x: sizeOf(row), y: row.kld.value }],
        small: true,
      })),
    }],
  };
});

/** The size from which the path's savings count: that of a plan which has both; null where there is none. */
function pathShift({ curve, looks, confirmed, file }: Fit): number | null {
  if (!file) return null;
  for (const { predicted, bytes } of [...confirmed, ...looks]) {
    const stop = curve.find(({ kld }) => kld === predicted);
    if (stop && bytes) return bytes + stop.saved;
  }
  return file.whole;
}
