import { list, resultOf } from "core/entry/mod.ts";
import { everyChange } from "core/measure/mod.ts";
import type { Roofline } from "./result.ts";
import { linearAxis } from "core/show/chart/draw/axes.ts";
import { FAINT, hueOf, type LineLook } from "core/show/chart/draw/colors.ts";
import { dotPlot } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { REACH_TEXTS, rooflineRows } from "./roofline_table.ts";
import { fixed } from "core/show/tables/table.ts";
import { type Finding, formatFixed } from "core/show/words/mod.ts";

/**
 * Draws the speed-up that bytes and operations allow the last plan of each result beside the paper's (claim C1, the half about speed): in the
 * largest batch that fits with the full model, and in any batch.
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
  const most = Math.max(1.01, ...lines.flatMap(({ dots }) => dots.map(({ value }) => value)));
  return {
    rows: results.flatMap(rooflineRows),
    title: finding(lines),
    shows: [
      "Largest speed-up that bytes and operations allow for reading and writing, and the paper's. −8: without 8 modules.",
    ],
    setting: `${count > 1 ? `${count} × ` : ""}${title} · ${input} tokens in, ${output} out · ${bits} bit`,
    reads: lines.map(bound),
    key: [ALLOWED, REPORTED, ANY],
    panels: [
      dotPlot(lines.map(({ label }) => label), lines.flatMap(({ dots }) => dots), {
        x: { ...linearAxis([1, most + 0.05 * (most - 1)], "speed-up", fixed(2)), rule: 1 },
      }),
    ],
  };
});

const ALLOWED = { label: "allowed in the largest batch that fits", ...hueOf(0) };
const REPORTED = { label: "reported by the paper", ...hueOf(1) };
const ANY = { label: "allowed in any batch", color: FAINT, shape: "triangle" } as const;

/** The dots of a model; a bar joins what is allowed to what was reported. */
function lineOf({ model, setting, plans }: Roofline, at: number) {
  const { drop, fitting, paper, most } = plans[plans.length - 1];
  const label = `${model.name}, ${setting.bits} bit, −${everyChange(drop).length}`;
  const dot = ({ color, shape }: LineLook, name: string, value: number) => (
    { color, shape, at, value, says: `${label}, ${name}: ${formatFixed(value, 2)}` }
  );
  const ends = fitting && paper && [fitting.speedup, paper.speedup].sort((a, b) => a - b);
  const allowed = fitting && dot(ALLOWED, `${fitting.batch} texts`, fitting.speedup);
  const dots = [
    dot(ANY, "any batch", most.speedup),
    ...allowed ? [{ ...allowed, ...ends && { low: ends[0], high: ends[1] } }] : [],
    ...paper ? [dot(REPORTED, "the paper", paper.speedup)] : [],
  ];
  return { label, most, paper, dots };
}

type Line = ReturnType<typeof lineOf>;

function finding(lines: readonly Line[]): Finding {
  const papers = lines.flatMap(({ paper }) => paper ?? []);
  const fitting = papers.filter(({ reach }) => reach === "fits").length;
  return {
    topic: "Dropping attention gains more in larger batches",
    found: papers.length > 0 &&
      `A batch that fits allows the paper's speed-up for ${fitting} of ${papers.length} models`,
  };
}

function bound({ label, most, paper }: Line): string {
  const reported = paper ? `, the paper ${formatFixed(paper.speedup, 2)} (${REACH_TEXTS[paper.reach]})` : "";
  return `${label}: at most ${formatFixed(most.speedup, 2)}${reported}.`;
}
