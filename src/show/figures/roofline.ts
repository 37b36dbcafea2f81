/**
 * The speed-up that bytes and operations allow over the number of texts side by side, a line for each model; a dot where the model
 * no longer fits in more, computed at exactly that number, and a ring at the paper's number (claim C1, the half about speed).
 */
import { expect, list, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Roofline } from "../../result/mod.ts";
import { AXIS_X, AXIS_Y, endLabels, FRAME, HUES } from "../chart/axes.ts";
import { dots, type Shape, SHAPE_ORDER } from "../chart/marks.ts";
import { formatFixed } from "../chart/numbers.ts";
import { drawFigure, type Figure, INK } from "../chart/svg.ts";
import { REACH_TEXTS, rooflineRows } from "../tables/roofline.ts";

/** The last plan of a roofline, as a line. */
interface Line {
  readonly label: string;
  readonly color: string;
  readonly shape: Shape;
  readonly plan: Roofline["plans"][number];
  readonly points: readonly { readonly batch: number; readonly speedup: number }[];
}

/**
 * Draws the allowed speed-up of the last plan of each result over its batches.
 *
 * @example
 * ```ts
 * import { roofline, rooflineFigure } from "lamina";
 *
 * const batch = [1, 4, 16, 64];
 * const results = [
 *   await roofline("mistral-7b", { device: "a6000-ada", batch }),
 *   await roofline("llama-2-70b", { device: "a6000-ada", bits: 4, batch }),
 * ];
 * const { svg, reading } = rooflineFigure(results);
 * ```
 */
export function rooflineFigure(results: readonly Roofline[]): Figure {
  expect("draw", "results", results, list(resultOf("roofline"), "rooflines", 1));
  const lines = results.map(lineOf);
  const [{ device, setting }] = results;
  return drawFigure({
    name: "roofline",
    title: titleOf(lines),
    subtitle:
      "Largest speed-up that bytes and operations allow for reading and writing, by batch size. Dots: the largest batch that " +
      "fits with the full model. Hollow: the paper's speed-up, at that batch, or at the end if no batch fits. −8: without 8 modules.",
    setting: `${device.count > 1 ? `${device.count} × ` : ""}${device.title} · ${setting.input} tokens in, ` +
      `${setting.output} out · ${
        [...new Set(results.map(({ setting: { bits } }) => bits))].join(" and ")
      } bit`,
    reading: lines.map(readingOf).join(" "),
    panels: [chart(lines)],
    rows: results.flatMap(rooflineRows),
  });
}

function lineOf({ model, setting, plans }: Roofline, i: number): Line {
  const plan = plans[plans.length - 1];
  return {
    label: `${model.name}, ${setting.bits} bit, −${plan.drop.attention.length + plan.drop.mlp.length}`,
    color: HUES[i % HUES.length],
    shape: SHAPE_ORDER[i % SHAPE_ORDER.length],
    plan,
    points: pointsOf(plan),
  };
}

/** The batches of the study, and the largest one that fits. */
function pointsOf({ points, fitting }: Line["plan"]): Line["points"] {
  const own = points.map(({ batch, speedup }) => ({ batch, speedup: speedup.whole }));
  const all = fitting ? [...own.filter(({ batch }) => batch !== fitting.batch), fitting] : own;
  return all.sort((a, b) => a.batch - b.batch);
}

function titleOf(lines: readonly Line[]): string {
  const paper = lines.filter(({ plan }) => plan.paper);
  const fitting = paper.filter(({ plan }) => plan.paper!.reach === "fits").length;
  return paper.length > 0
    ? `A batch that fits allows the paper's speed-up for ${fitting} of ${paper.length} models`
    : "Dropping attention gains more in larger batches";
}

function readingOf({ label, plan: { most, paper } }: Line): string {
  const bound = `${label}: at most ${formatFixed(most.speedup, 2)}`;
  return paper
    ? `${bound}, the paper ${formatFixed(paper.speedup, 2)} (${REACH_TEXTS[paper.reach]}).`
    : `${bound}.`;
}

function chart(lines: readonly Line[]): Plot.PlotOptions {
  const longest = Math.max(...lines.map(({ label }) => label.length));
  const frame = { ...FRAME, height: 460, marginRight: Math.min(280, 24 + 8.4 * longest) };
  const batches = lines.flatMap(({ points }) => points.map(({ batch }) => batch));
  const [low, high] = [Math.min(...batches), Math.max(...batches)];
  const most = Math.max(
    ...lines.flatMap((
      { points, plan },
    ) => [...points.map(({ speedup }) => speedup), plan.paper?.speedup ?? 1]),
  );
  const y = { type: "linear" as const, domain: [1, most + 0.05 * (most - 1) + 1e-3] };
  const ticks = Array.from({ length: 25 }, (_, i) => 4 ** i).filter((tick) => tick >= low && tick <= high);
  return {
    ...frame,
    x: { type: "log", domain: [low, high > low ? high : 2 * low] },
    y,
    marks: [
      Plot.gridY({ stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.ruleY([1], { stroke: INK }),
      Plot.axisY({ ...AXIS_Y, label: "speed-up", tickFormat: (value: number) => formatFixed(value, 2) }),
      Plot.axisX(ticks, {
        ...AXIS_X,
        text: (value: number) => value < 1024 ? String(value) : `${value / 1024}k`,
        label: "batch size, texts",
      }),
      ...lines.map(({ points, color }) =>
        Plot.line(points, { x: "batch", y: "speedup", stroke: color, strokeWidth: 2.5 })
      ),
      ...lines.flatMap(marksOf),
      ...endLabels(
        lines.map(({ label, color, points }) => {
          const end = points[points.length - 1];
          return { x: end.batch, y: end.speedup, text: label, color };
        }),
        { ...frame, y },
      ),
    ],
  };
}

/** The largest batch that fits, and the paper's number there. */
function marksOf({ label, points, color, shape, plan: { fitting, paper } }: Line): Plot.Markish[] {
  const { batch } = fitting ?? points[points.length - 1];
  const said = (what: string) => ({ speedup }: { speedup: number }) =>
    `${label}, ${what}: ${formatFixed(speedup, 2)}`;
  const look = { x: "batch", y: "speedup", color, shape, r: 5 };
  return [
    dots(fitting ? [fitting] : [], { ...look, title: said(`${batch} texts`) }),
    dots(paper ? [{ batch, speedup: paper.speedup }] : [], {
      ...look,
      title: said("the paper"),
      hollow: true,
    }),
  ];
}
