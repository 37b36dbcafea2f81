/** The reach of a drop: how far the updates of later layers move when one module is dropped. */
import { expect, resultOf } from "../../entry/mod.ts";
import { type LayerModule, mean, MODULES } from "../../measure/mod.ts";
import type { Causes } from "../../result/mod.ts";
import { heatLegend, heatPanel } from "../chart/heat.ts";
import { formatShare } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { drawFigure, type Figure, WIDTH } from "../chart/svg.ts";

const EDGES = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1];
const PAIRS = MODULES.flatMap((dropped) => MODULES.map((moved) => [dropped, moved] as const));

/**
 * Draws how far dropping one module moves the later updates, as four maps. Throws `RangeError` if the effects were not measured or the model has a single layer.
 *
 * @example
 * ```ts
 * import { causes, effectsFigure, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await causes(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = effectsFigure(result);
 * model.close();
 * ```
 */
export function effectsFigure(result: Causes): Figure {
  expect("draw", "result", result, resultOf("causes"));
  const { effects, provenance } = result;
  const measured = provenance.causes.effects;
  if (!effects || !measured) {
    throw new RangeError("Cannot draw effects: found no measurement, expected a study that includes effects");
  }
  const cells = (dropped: LayerModule, moved: LayerModule) =>
    effects[dropped][moved].flatMap((row, y) =>
      row.flatMap((value, x) => value === null ? [] : [{ x, y, value }])
    );
  const means = MODULES.map((dropped) => {
    const all = [...cells(dropped, "attention"), ...cells(dropped, "mlp")];
    if (all.length === 0) {
      throw new RangeError("Cannot draw effects: found a single layer, expected at least two");
    }
    return { dropped, value: mean(all.map(({ value }) => value)) };
  });
  const layers = effects.attention.attention.length;
  return drawFigure({
    name: "effects",
    title: `Dropping one ${KIND_NAMES.attention} module moves later updates by ${
      formatShare(means[0].value)
    }, dropping one ${KIND_NAMES.mlp} by ${formatShare(means[1].value)}`,
    subtitle:
      "Dropped module → affected module. ‖u − u_full‖ / ‖u_full‖ over all tokens: how far the update of each later layer " +
      "moves after the module of one layer is dropped.",
    setting: `${settingOf(provenance)} · first ${measured.samples} × ${measured.length} of these tokens`,
    reading: means.map(({ dropped }) => readingOf(dropped, cells)).join(" "),
    panels: [
      ...PAIRS.map(([dropped, moved]) =>
        heatPanel({
          title: `${KIND_NAMES[dropped]} → ${KIND_NAMES[moved]}`,
          cells: cells(dropped, moved),
          columns: layers,
          rows: layers,
          width: WIDTH / 2,
          height: 300,
          label: "affected layer",
          rowLabel: "dropped layer",
        }, EDGES)
      ),
      heatLegend(EDGES, String),
    ],
    rows: PAIRS.flatMap(([dropped, moved]) =>
      cells(dropped, moved).map(({ x, y, value }) => ({
        dropped,
        layer: y,
        moved,
        moved_layer: x,
        effect: value,
      }))
    ),
  });
}

function readingOf(
  dropped: LayerModule,
  cells: (dropped: LayerModule, moved: LayerModule) => { y: number; value: number }[],
): string {
  const byLayer = Map.groupBy([...cells(dropped, "attention"), ...cells(dropped, "mlp")], ({ y }) => y);
  const means = [...byLayer].map(([layer, all]) => ({ layer, value: mean(all.map(({ value }) => value)) }))
    .sort((a, b) => b.value - a.value);
  const told = means.slice(0, 2).map(({ layer, value }) => `${layer} (${formatShare(value)})`).join(" and ");
  return `The ${KIND_NAMES[dropped]} modules that move later updates most: layers ${told}.`;
}
