import { list, resultOf } from "core/entry/mod.ts";
import { everyChange } from "core/measure/mod.ts";
import type { Roofline } from "./result.ts";
import { linearAxis } from "core/show/chart/draw/axes.ts";
import { hueOf } from "core/show/chart/draw/colors.ts";
import type { Panel, Series } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { REACH_TEXTS, rooflineRows } from "./roofline_table.ts";
import { fixed } from "core/show/tables/table.ts";
import { type Finding, formatFixed } from "core/show/words/mod.ts";

type Line = ReturnType<typeof lineOf>;

/**
 * Draws the speed-up that bytes and operations allow the last plan of each result over the number of texts side by side, with a dot where
 * the model no longer fits in more and a ring at the paper's number (claim C1, the half about speed).
 *
 * @example
 * ```ts
 * import { roofline } from "lamina";
 * import { rooflineFigure } from "lamina/figures";
 *
 * const batch = [1, 4, 16, 64];
 * const [small, large] = ["mistral-7b", "llama-2-70b"].map((name) => roofline(name, { device: "a6000-ada", batch }));
 * const { svg, reading } = rooflineFigure([await small, await large]);
 * ```
 */
export const rooflineFigure: Draw<[readonly Roofline[]]> = figure("roofline", {
  results: list(resultOf("roofline"), "rooflines", 1),
}, (results) => {
  const lines = results.map(lineOf);
  const [{ device: { count, title }, setting: { input, output } }] = results;
  const bits = [...new Set(results.map(({ setting }) => setting.bits))].join(" and ");
  return {
    rows: results.flatMap(rooflineRows),
    title: finding(lines),
    shows: [
      "Largest speed-up that bytes and operations allow for reading and writing, by batch size. Dots: the largest batch that",
      "fits with the full model. Hollow: the paper's speed-up, at that batch, or at the end if no batch fits. −8: without 8 modules.",
    ],
    setting: `${count > 1 ? `${count} × ` : ""}${title} · ${input} tokens in, ${output} out · ${bits} bit`,
    reads: lines.map(bound),
    panels: [chart(lines)],
  };
});

function lineOf({ model, setting, plans }: Roofline, i: number) {
  const plan = plans[plans.length - 1];
  return {
    label: `${model.name}, ${setting.bits} bit, −${everyChange(plan.drop).length}`,
    ...hueOf(i),
    plan,
    points: pointsOf(plan),
  };
}

/** The batches of the study, and the largest one that fits. */
function pointsOf({ points, fitting }: Roofline["plans"][number]) {
  const own = points.map(({ batch, speedup }) => ({ batch, speedup: speedup.whole }));
  const all = fitting ? [...own.filter(({ batch }) => batch !== fitting.batch), fitting] : own;
  return all.sort((a, b) => a.batch - b.batch);
}

function finding(lines: readonly Line[]): Finding {
  const paper = lines.flatMap(({ plan }) => plan.paper ?? []);
  const fitting = paper.filter(({ reach }) => reach === "fits").length;
  return {
    topic: "Dropping attention gains more in larger batches",
    found: paper.length > 0 &&
      `A batch that fits allows the paper's speed-up for ${fitting} of ${paper.length} models`,
  };
}

function bound({ label, plan: { most, paper } }: Line): string {
  const reported = paper ? `, the paper ${formatFixed(paper.speedup, 2)} (${REACH_TEXTS[paper.reach]})` : "";
  return `${label}: at most ${formatFixed(most.speedup, 2)}${reported}.`;
}

function chart(lines: readonly Line[]): Panel {
  const batches = lines.flatMap(({ points }) => points.map(({ batch }) => batch));
  const [low, high] = [Math.min(...batches), Math.max(...batches)];
  const speedups = lines.flatMap((
    { points, plan },
  ) => [...points.map(({ speedup }) => speedup), plan.paper?.speedup ?? 1]);
  const most = Math.max(...speedups);
  return {
    height: 460,
    x: {
      type: "log",
      domain: [low, high > low ? high : 2 * low],
      ticks: Array.from({ length: 25 }, (_, i) => 4 ** i).filter((tick) => tick >= low && tick <= high),
      format: (batch) => batch < 1024 ? String(batch) : `${batch / 1024}k`,
      label: "batch size, texts",
    },
    y: { ...linearAxis([1, most + 0.05 * (most - 1) + 1e-3], "speed-up", fixed(2)), rule: 1 },
    series: [
      ...lines.map(({ points, color, label }) => ({
        color,
        points: points.map(({ batch, speedup }) => ({ x: batch, y: speedup })),
        width: 2.5,
        end: label,
      })),
      ...lines.flatMap(dotsOf),
    ],
  };
}

function dotsOf({ label, points, color, shape, plan: { fitting, paper } }: Line): Series[] {
  const { batch } = fitting ?? points[points.length - 1];
  const dot = (speedup: number, name: string, hollow: boolean) => ({
    color,
    shape,
    points: [{ x: batch, y: speedup, says: `${label}, ${name}: ${formatFixed(speedup, 2)}` }],
    width: 0,
    r: 5,
    hollow,
  });
  return [
    ...fitting ? [dot(fitting.speedup, `${batch} texts`, false)] : [],
    ...paper ? [dot(paper.speedup, "the paper", true)] : [],
  ];
}
