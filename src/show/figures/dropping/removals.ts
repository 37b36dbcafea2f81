import { eachIn, like, list, text } from "../../../entry/mod.ts";
import { hueOf } from "../../chart/draw/colors.ts";
import { lineChart, symlogAxis } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { RISE, type RiseInterval } from "../../../result/mod.ts";
import { reading } from "../../words/mod.ts";

/** The loss from changing one module, in nats per token over the full model, as `removals` measures it. */
export interface LayerCost extends RiseInterval {
  /** Layer index, 0-based. */
  readonly layer: number;
}

/** Lists of them by name: "dropped", "window of 64 keys". */
export type LayerCosts = Readonly<Record<string, readonly LayerCost[]>>;

const isEnd = (value: unknown) => value === null || Number.isFinite(value);
const costs = list(
  like("a removal with its layer, rise and interval", (value) => {
    const { layer, rise, low, high } = (value ?? {}) as Partial<LayerCost>;
    return Number.isInteger(layer) && layer! >= 0 && Number.isFinite(rise) && isEnd(low) && isEnd(high);
  }),
  "removals",
  1,
);
const someCosts = eachIn(costs, "lists of removals by name, as { dropped: await removals(…) }");

/**
 * Draws the loss from changing one module alone, by layer, for each list of removals: dropped, or as windows. A layer needs the whole
 * context where its window costs a loss that its interval tells from zero.
 *
 * @param costs removals by name, in nats per token
 * @param setting model and text, as the picture names them
 *
 * @example
 * ```ts
 * import { openModel, profile, removals } from "lamina";
 * import { removalsFigure } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step00512");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const measured = await profile(model, text);
 * const dropped = await removals(model, measured, { ...text, kind: "attention" });
 * const windows = await removals(model, measured, { ...text, kind: "attention", window: 8 });
 * const { svg, reading } = removalsFigure({ dropped, "window of 8 keys": windows }, `${model.name}, README`);
 * ```
 */
export const removalsFigure: Draw<[LayerCosts, string]> = figure("removals", {
  costs: someCosts,
  setting: text,
}, (costs, setting) => {
  const lists = Object.entries(costs).map(([change, list]) => ({
    label: change,
    rows: list.map(({ layer, rise, low, high }) => ({ change, layer, rise, low, high })),
    clear: list.filter(({ low }) => (low ?? 0) > 0).sort((a, b) => b.rise - a.rise),
  }));
  if (lists.length === 0) {
    throw new RangeError("Cannot draw removals: found no list, expected at least one");
  }
  const groups = lists.map(({ clear: _, ...list }, i) => ({ ...list, ...hueOf(i), width: 1.5 }));
  const counts = lists.map(({ label, rows, clear }) => `${clear.length} of ${rows.length} (${label})`);
  return {
    rows: lists.flatMap(({ rows }) => rows),
    title: reading`Layers whose change alone costs a measurable loss: ${counts}`,
    shows: [
      "Rise of the loss over the full model's when the module of one layer alone is changed; bars: 95 % intervals, paired over",
      `samples. The scale is linear up to ${LINEAR}.`,
    ],
    setting,
    reads: lists.map(({ label, clear }) => `${label}: ${mostIn(clear.slice(0, 3))}.`),
    panels: [lineChart(groups, "layer", "rise", {
      height: 420,
      ends: ["low", "high"],
      up: (ends) => symlogAxis(ends, { linear: LINEAR, label: RISE }),
      r: 3.5,
    })],
  };
});

/** Nats up to which the axis is linear: smaller losses are seldom told from zero. */
const LINEAR = 0.01;

function mostIn(worst: readonly LayerCost[]): string {
  const layers = worst.map(({ layer, rise }) => reading`${layer} (${{ measured: rise }})`);
  if (worst.length === 0) return "no layer's loss can be told from zero";
  return reading`most in ${worst.length === 1 ? "layer" : "layers"} ${layers}`;
}
