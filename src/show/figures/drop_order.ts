/**
 * Which modules go when n are dropped (paper, drop order maps): one column per layer, filled from the n at which its module
 * is dropped. For attention, MLP, block, and for attention and MLP ranked together.
 */
import { KINDS } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Profile } from "../../result/mod.ts";
import { AXIS_X, AXIS_Y, COLORS, countTicks } from "../chart/axes.ts";
import { byImportance, KIND_NAMES, type RankedModule, settingOf } from "../chart/setting.ts";
import { counted } from "../chart/summary.ts";
import { drawFigure, FAINT, type Figure, WIDTH } from "../chart/svg.ts";

const TARGETS = [...KINDS, "joint"] as const;
type Target = typeof TARGETS[number];

/**
 * Draws the order in which modules are dropped, by importance.
 *
 * @example
 * ```ts
 * import { dropOrderFigure, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = dropOrderFigure(result);
 * model.close();
 * ```
 */
export function dropOrderFigure(profile: Profile): Figure {
  expect("draw", "profile", profile, resultOf("profile"));
  const layers = profile.provenance.model.layers;
  const orders = TARGETS.map((target) => ({
    target,
    order: target === "joint" ? byImportance(profile, "attention", "mlp") : byImportance(profile, target),
  })).filter(({ order }) => order.length > 0);
  const joint = orders.find(({ target }) => target === "joint")?.order ?? [];
  const firstMlp = joint.findIndex(({ module }) => module === "mlp");
  const mixed = firstMlp >= 0 && joint.some(({ module }) => module === "attention");
  return drawFigure({
    name: "drop_order",
    title: mixed
      ? `Ranked together, ${
        firstMlp === 0
          ? "an MLP is dropped first"
          : `${counted(firstMlp, "attention module")} ${
            firstMlp === 1 ? "is" : "are"
          } dropped before the first MLP`
      }`
      : "The order in which modules are dropped",
    subtitle: "Each column is a layer, filled from the drop at which its module is left out. " +
      "The longest columns are the most redundant modules.",
    setting: settingOf(profile.provenance),
    reading: `Dropped first: ${
      orders.map(({ target, order }) =>
        `${target === "joint" ? "ranked together" : KIND_NAMES[target]} ${
          order.slice(0, 5).map((entry) => nameOf(entry, target)).join(", ")
        }`
      ).join("; ")
    }.`,
    panels: orders.map(({ target, order }) => chart(target, order, layers)),
    rows: orders.flatMap(({ target, order }) =>
      order.map(({ module, layer, score }, i) => ({
        target: KIND_NAMES[target],
        dropped_at: i + 1,
        module: KIND_NAMES[module],
        layer,
        importance: score,
      }))
    ),
  });
}

function nameOf({ module, layer }: RankedModule, target: Target): string {
  return target === "joint" ? `${KIND_NAMES[module]} ${layer}` : String(layer);
}

/** A line of text above a chart, from its left edge. */
function heading(text: string, options: Plot.TextOptions): Plot.Markish {
  return Plot.text([text], { frameAnchor: "top-left", text: String, dx: -34, ...options });
}

/** A column runs from its drop to the end of the list; in a joint list the MLP has the right half. */
function chart(target: Target, order: readonly RankedModule[], layers: number): Plot.PlotOptions {
  const columns = order.map(({ module, layer }, i) => {
    const left = layer - 0.5 + (target === "joint" && module === "mlp" ? 0.5 : 0);
    return { module, layer, left, right: left + (target === "joint" ? 0.5 : 1), at: i + 0.5 };
  });
  const wide = target === "joint";
  const end = order.length + 0.5;
  const color = (column: typeof columns[number]) => COLORS[column.module];
  return {
    width: wide ? WIDTH : Math.floor(WIDTH / 3),
    height: 290,
    marginLeft: 58,
    marginRight: wide ? 24 : 12,
    marginTop: 58,
    marginBottom: 50,
    x: { domain: [-0.5, layers - 0.5] },
    y: { domain: [0.5, end] },
    marks: [
      Plot.axisY(countTicks(order.length).slice(1), {
        ...AXIS_Y,
        tickFormat: String,
        label: null,
      }),
      heading(target === "joint" ? "attention and MLP, ranked together" : KIND_NAMES[target], {
        fill: COLORS[target],
        fontWeight: 600,
        dy: -46,
      }),
      heading("↑ drop number", { fill: FAINT, fontSize: 14, dy: -24 }),
      Plot.axisX(countTicks(layers - 1, wide ? 8 : 4), { ...AXIS_X, tickFormat: String, label: "layer" }),
      Plot.rect(columns, {
        x1: "left",
        x2: "right",
        y1: "at",
        y2: () => end,
        fill: color,
        fillOpacity: 0.3,
        insetLeft: 0.4,
        insetRight: 0.4,
        title: ({ module, layer, at }: typeof columns[number]) =>
          `${KIND_NAMES[module]}, layer ${layer}: drop ${at + 0.5}`,
      }),
      Plot.ruleY(columns, { y: "at", x1: "left", x2: "right", stroke: color, strokeWidth: 2.5 }),
    ],
  };
}
