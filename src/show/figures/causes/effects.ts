/** The reach of a drop: how far the updates of later layers move when one module is dropped. */
import { type LayerModule, mean, MODULES } from "../../../measure/mod.ts";
import type { Causes } from "../../../result/mod.ts";
import { type HeatCell, heatLegend, heatMap } from "../../chart/draw/heat.ts";
import { formatShare } from "../../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

const EDGES = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1];

/**
 * Draws how far dropping one module moves the later updates, as four maps. Throws `RangeError` if the effects were not measured or the model has a single layer.
 *
 * @example
 * ```ts
 * import { causes } from "lamina";
 * import { effectsFigure } from "lamina/figures";
 *
 * const result = await causes("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = effectsFigure(result);
 * ```
 */
export const effectsFigure: Draw<[Causes]> = figure(
  "effects",
  "causes",
  ({ effects, provenance }) => {
    const measured = provenance.causes.effects;
    if (!effects || !measured) {
      throw new RangeError(
        "Cannot draw effects: found no measurement, expected a study that includes effects",
      );
    }
    const maps = MODULES.flatMap((dropped) =>
      MODULES.map((moved) => ({
        dropped,
        moved,
        cells: effects[dropped][moved].flatMap((row, y) =>
          row.flatMap((value, x) => value === null ? [] : [{ x, y, value }])
        ),
      }))
    );
    const drops = MODULES.map((kind) => ({
      kind,
      cells: maps.filter(({ dropped }) => dropped === kind).flatMap(({ cells }) => cells),
    }));
    if (drops.some(({ cells }) => cells.length === 0)) {
      throw new RangeError("Cannot draw effects: found a single layer, expected at least two");
    }
    const [attention, mlp] = drops.map(({ cells }) => formatShare(meanOf(cells)));
    const layers = effects.attention.attention.length;
    return {
      title: `Dropping one ${KIND_NAMES.attention} module moves later updates by ${attention}, ` +
        `dropping one ${KIND_NAMES.mlp} by ${mlp}`,
      subtitle:
        "Dropped module → affected module. ‖u − u_full‖ / ‖u_full‖ over all tokens: how far the update of each later layer " +
        "moves after the module of one layer is dropped.",
      setting: `${settingOf(provenance)} · first ${measured.samples} × ${measured.length} of these tokens`,
      reading: drops.map(({ kind, cells }) => readingOf(kind, cells)).join(" "),
      panels: [
        ...maps.map(({ dropped, moved, cells }) =>
          heatMap({
            title: `${KIND_NAMES[dropped]} → ${KIND_NAMES[moved]}`,
            cells,
            columns: layers,
            rows: layers,
            edges: EDGES,
            part: 1 / 2,
            height: 300,
            label: "affected layer",
            rowLabel: "dropped layer",
          })
        ),
        heatLegend(EDGES),
      ],
      rows: maps.flatMap(({ dropped, moved, cells }) =>
        cells.map(({ x, y, value }) => ({ dropped, layer: y, moved, moved_layer: x, effect: value }))
      ),
    };
  },
);

const meanOf = (cells: readonly HeatCell[]) => mean(cells.map(({ value }) => value));

function readingOf(dropped: LayerModule, cells: readonly HeatCell[]): string {
  const layers = [...Map.groupBy(cells, ({ y }) => y)]
    .map(([layer, all]) => ({ layer, value: meanOf(all) }))
    .sort((a, b) => b.value - a.value).slice(0, 2)
    .map(({ layer, value }) => `${layer} (${formatShare(value)})`);
  return `The ${KIND_NAMES[dropped]} modules that move later updates most: layers ${layers.join(" and ")}.`;
}
