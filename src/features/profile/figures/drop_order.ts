import { KINDS } from "core/measure/mod.ts";
import { byImportance, type RankedModule, rankedTogether } from "../signs.ts";
import type { Profile } from "../result.ts";
import { countTicks, indexAxis, reversed } from "core/show/chart/draw/axes.ts";
import { COLORS } from "core/show/chart/draw/colors.ts";
import { type Panel, RING, type Series } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { type Finding, KIND_NAMES, modules, reading, unknownText } from "core/show/words/mod.ts";
import { outsizedIn } from "../table.ts";
import { ringsText } from "./profiles.ts";

const TARGETS = [...KINDS, "joint"] as const;
type Target = typeof TARGETS[number];

/**
 * Draws which modules go when n are dropped by importance (paper, drop order maps): a column for each layer grows from the bottom up to
 * the n at which its module is dropped. For attention, MLP, block, and for attention and MLP ranked together.
 */
export const dropOrderFigure: Draw<[Profile]> = figure("drop_order", "profile", (profile) => {
  const orders = TARGETS.map((target) => ({
    target,
    order: target === "joint" ? byImportance(profile, "attention", "mlp") : byImportance(profile, target),
  })).filter(({ order }) => order.length > 0);
  return {
    rows: orders.flatMap(({ target, order }) =>
      order.map(({ module, layer, score: importance }, i) => (
        { target, dropped_at: i + 1, module, layer, importance }
      ))
    ),
    title: finding(profile),
    shows: [
      "Each column is a layer, as high as its module is redundant: its top is the drop at which the module is left",
      "out, and the first drop is at the top of the map.",
      ringsText([profile], KINDS),
    ],
    reads: [`Dropped first: ${orders.map(({ target, order }) => firstOf(target, order)).join("; ")}.`],
    panels: orders.map(({ target, order }) => chart(target, order, profile)),
  };
});

/** How many attention modules the samples tell to be less important than every MLP: paired with the first MLP of the order. */
function finding(profile: Profile): Finding {
  const ranked = rankedTogether(profile);
  if (!ranked) return { topic: "The order in which modules are dropped" };
  const { first, firstSign, counts } = ranked;
  if (first === "mlp") {
    return firstSign > 0
      ? { found: "Ranked together, an MLP is dropped first" }
      : { open: "whether attention or an MLP is dropped first" };
  }
  if (counts.below === 0) return { open: "whether any attention module is dropped before the first MLP" };
  const verb = counts.below === 1 ? "is" : "are";
  const which = modules("attention", counts.below);
  return {
    found: `Ranked together, ${which} ${verb} dropped before the first MLP${unknownText(counts, "for")}`,
  };
}

function firstOf(target: Target, order: readonly RankedModule[]): string {
  const joint = target === "joint";
  const names = order.slice(0, 5).map(({ module, layer }) =>
    `${joint ? `${KIND_NAMES[module]} ` : ""}${layer}`
  );
  return reading`${joint ? "ranked together" : KIND_NAMES[target]} ${names}`;
}

/** A column runs from the end of the list, at the bottom, up to its drop; in a joint list the MLP has the right half. */
function chart(target: Target, order: readonly RankedModule[], profile: Profile): Panel {
  const joint = target === "joint";
  const end = order.length + 0.5;
  const columns = order.map(({ module, layer }, i) => {
    const left = layer - 0.5 + (joint && module === "mlp" ? 0.5 : 0);
    const says = `${KIND_NAMES[module]}, layer ${layer}: drop ${i + 1}`;
    const [x1, x2] = [left + 0.02, left + (joint ? 0.48 : 0.98)];
    const ringed = outsizedIn(profile, module).includes(layer);
    return { x1, x2, y1: i + 0.5, y2: end, fill: COLORS[module], says, ringed };
  });
  const text = joint ? "attention and MLP, ranked together" : KIND_NAMES[target];
  return {
    part: joint ? 1 : 1 / 3,
    height: 290,
    headings: [{ text, color: COLORS[target] }],
    x: indexAxis(profile.provenance.model.layers, "layer", joint ? 8 : 4),
    y: reversed({ domain: [0.5, end], ticks: dropTicks(order.length), label: "drop number" }),
    cells: columns,
    pale: 0.3,
    series: columns.flatMap(({ x1, x2, y1, fill, ringed }): Series[] => [
      { color: fill, points: [{ x: x1, y: y1, low: x1, high: x2 }], width: 0, across: true, firm: true },
      ...ringed ? [{ color: fill, points: [{ x: (x1 + x2) / 2, y: y1 }], ...RING, r: 5 }] : [],
    ]),
  };
}

/** The first drop, then round numbers that keep their distance from it. */
function dropTicks(drops: number): number[] {
  const [, step = drops] = countTicks(drops);
  return [1, ...countTicks(drops).filter((tick) => tick > Math.max(1, step / 2))];
}
