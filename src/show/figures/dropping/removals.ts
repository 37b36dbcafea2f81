/** What changing one module costs, by layer: dropped, or kept with a window of its keys. */
import { eachIn, like, list, text } from "../../../entry/mod.ts";
import type { Axis } from "../../chart/draw/axes.ts";
import { hueOf } from "../../chart/draw/colors.ts";
import { formatNumber, formatTick, withInterval } from "../../chart/numbers.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** The loss from changing one module, in nats per token over the full model, as `removals` measures it. */
export interface LayerCost {
  /** Layer index, 0-based. */
  readonly layer: number;
  /** Mean over samples, in nats per token. */
  readonly difference: number;
  /** Lower end of its 95 % interval; null for a single sample. */
  readonly low: number | null;
  /** Upper end of its 95 % interval; null for a single sample. */
  readonly high: number | null;
}

/** Lists of them by name: "dropped", "window of 64 keys". */
export type LayerCosts = Readonly<Record<string, readonly LayerCost[]>>;

const isEnd = (value: unknown) => value === null || Number.isFinite(value);
const costs = list(
  like("a removal with its layer, difference and interval", (value) => {
    const { layer, difference, low, high } = (value ?? {}) as Partial<LayerCost>;
    return Number.isInteger(layer) && layer! >= 0 && Number.isFinite(difference) && isEnd(low) && isEnd(high);
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
export const removalsFigure: Draw<[LayerCosts, string]> = figure(
  "removals",
  { costs: someCosts, setting: text },
  (costs, setting) => {
    const lists = Object.entries(costs);
    if (lists.length === 0) {
      throw new RangeError("Cannot draw removals: found no list, expected at least one");
    }
    const told = ([name, list]: typeof lists[number]) =>
      `${list.filter(isTold).length} of ${list.length} (${name})`;
    return {
      title: `Layers whose change alone costs a measurable loss: ${lists.map(told).join(", ")}`,
      subtitle:
        `Nats per token over the full model when the module of one layer alone is changed; bars: 95 % intervals, paired over ` +
        `samples. The scale is linear up to ${LINEAR}.`,
      setting,
      reading: lists.map(readingOf).join(" "),
      panels: [chart(lists)],
      rows: lists.flatMap(([name, list]) =>
        list.map(({ layer, difference, low, high }) => ({ change: name, layer, rise: difference, low, high }))
      ),
    };
  },
);

/** Whether the interval lies above zero. */
const isTold = ({ low }: LayerCost) => low !== null && low > 0;

function readingOf([name, list]: readonly [string, readonly LayerCost[]]): string {
  const most = list.filter(isTold).sort((a, b) => b.difference - a.difference).slice(0, 3);
  if (most.length === 0) return `${name}: no layer's loss is told from zero.`;
  const words = most.map(({ layer, difference }) => `${layer} (${formatNumber(difference)})`).join(", ");
  return `${name}: most in ${most.length === 1 ? "layer" : "layers"} ${words}.`;
}

/** Nats up to which the axis is linear: smaller losses are seldom told from zero. */
const LINEAR = 0.01;

function chart(lists: readonly (readonly [string, readonly LayerCost[]])[]): Panel {
  const all = lists.flatMap(([, list]) => list);
  const layers = 1 + Math.max(...all.map(({ layer }) => layer));
  return {
    height: 420,
    x: { domain: [-0.5, layers - 0.5], label: "layer" },
    y: lossAxis(
      all.flatMap(({ difference, low, high }) => [difference, low ?? difference, high ?? difference]),
    ),
    series: lists.map(([name, list], i) => ({
      ...hueOf(i),
      r: 3.5,
      width: 1.5,
      end: name,
      points: list.toSorted((a, b) => a.layer - b.layer).map(({ layer, difference, low, high }) => ({
        x: layer,
        y: difference,
        says: `${name}, layer ${layer}: ${withInterval(difference, low, high)}`,
        ...low === null || high === null ? {} : { low, high },
      })),
    })),
  };
}

/** Nats, logarithmic but for those near zero. */
function lossAxis(values: readonly number[]): Axis {
  const [low, high] = [Math.min(0, ...values), Math.max(LINEAR, ...values)];
  const powers = [0, 0.01, 0.1, 1, 10, 100];
  return {
    type: "symlog",
    constant: LINEAR,
    domain: [low * 1.1, high * 1.1],
    ticks: [...powers.map((power) => -power).reverse().slice(0, -1), ...powers].filter((tick) =>
      tick >= low && tick <= high * 1.1
    ),
    format: (value) => value === 0 ? "0" : value < 0 ? `−${formatTick(-value)}` : formatTick(value),
    label: "nats per token over the full model",
    grid: true,
    rule: 0,
  };
}
