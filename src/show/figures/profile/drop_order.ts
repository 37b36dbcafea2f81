/**
 * Which modules go when n are dropped (paper, drop order maps): one column per layer, filled from the n at which its module
 * is dropped. For attention, MLP, block, and for attention and MLP ranked together.
 */
import { KINDS } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { countTicks, indexAxis } from "../../chart/draw/axes.ts";
import { COLORS } from "../../chart/draw/colors.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { byImportance, KIND_NAMES, type RankedModule } from "../../chart/setting.ts";
import { counted } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";

const TARGETS = [...KINDS, "joint"] as const;
type Target = typeof TARGETS[number];

/**
 * Draws the order in which modules are dropped, by importance.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { dropOrderFigure } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = dropOrderFigure(result);
 * ```
 */
export const dropOrderFigure: Draw<[Profile]> = figure("drop_order", "profile", (profile) => {
  const orders = TARGETS.map((target) => ({
    target,
    order: target === "joint" ? byImportance(profile, "attention", "mlp") : byImportance(profile, target),
  })).filter(({ order }) => order.length > 0);
  return {
    title: titleOf(orders.find(({ target }) => target === "joint")?.order ?? []),
    subtitle: "Each column is a layer, filled from the drop at which its module is left out. " +
      "The longest columns are the most redundant modules.",
    reading: `Dropped first: ${orders.map(({ target, order }) => firstOf(target, order)).join("; ")}.`,
    panels: orders.map(({ target, order }) => chart(target, order, profile.provenance.model.layers)),
    rows: orders.flatMap(({ target, order }) =>
      order.map(({ module, layer, score }, i) => ({
        target: KIND_NAMES[target],
        dropped_at: i + 1,
        module: KIND_NAMES[module],
        layer,
        importance: score,
      }))
    ),
  };
});

function titleOf(joint: readonly RankedModule[]): string {
  const firstMlp = joint.findIndex(({ module }) => module === "mlp");
  if (firstMlp < 0 || joint.every(({ module }) => module === "mlp")) {
    return "The order in which modules are dropped";
  }
  if (firstMlp === 0) return "Ranked together, an MLP is dropped first";
  const verb = firstMlp === 1 ? "is" : "are";
  return `Ranked together, ${counted(firstMlp, "attention module")} ${verb} dropped before the first MLP`;
}

/** The first five of an order, by name. */
function firstOf(target: Target, order: readonly RankedModule[]): string {
  const joint = target === "joint";
  const names = order.slice(0, 5).map(({ module, layer }) =>
    joint ? `${KIND_NAMES[module]} ${layer}` : layer
  );
  return `${joint ? "ranked together" : KIND_NAMES[target]} ${names.join(", ")}`;
}

/** A column runs from its drop to the end of the list; in a joint list the MLP has the right half. */
function chart(target: Target, order: readonly RankedModule[], layers: number): Panel {
  const joint = target === "joint";
  const end = order.length + 0.5;
  const columns = order.map(({ module, layer }, i) => {
    const left = layer - 0.5 + (joint && module === "mlp" ? 0.5 : 0);
    const says = `${KIND_NAMES[module]}, layer ${layer}: drop ${i + 1}`;
    const [x1, x2] = [left + 0.02, left + (joint ? 0.48 : 0.98)];
    return { x1, x2, y1: i + 0.5, y2: end, fill: COLORS[module], says };
  });
  return {
    part: joint ? 1 : 1 / 3,
    height: 290,
    headings: [{
      text: joint ? "attention and MLP, ranked together" : KIND_NAMES[target],
      color: COLORS[target],
    }],
    x: indexAxis(layers, "layer", joint ? 8 : 4),
    y: { domain: [0.5, end], ticks: countTicks(order.length).slice(1), label: "drop number" },
    cells: columns,
    pale: 0.3,
    series: columns.map(({ x1, x2, y1, fill }) => ({
      color: fill,
      points: [{ x: x1, y: y1, low: x1, high: x2 }],
      width: 0,
      across: true,
      firm: true,
    })),
  };
}
