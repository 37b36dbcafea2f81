import { mean, MODULES } from "../../../measure/mod.ts";
import type { Causes } from "../../../result/mod.ts";
import { heatMaps } from "../../chart/draw/heat.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { KIND_NAMES, reading, settingOf } from "../../words/mod.ts";

const EDGES = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1];

/** Draws how far dropping one module moves the later updates, as four maps. Throws `RangeError` if the effects were not measured or the model has a single layer. */
export const effectsFigure: Draw<[Causes]> = figure("effects", "causes", ({ effects, provenance }) => {
  const measured = provenance.causes.effects;
  if (!effects || !measured) {
    throw new RangeError("Cannot draw effects: found no measurement, expected a study that includes effects");
  }
  const pairs = MODULES.flatMap((dropped) => MODULES.map((moved) => ({ dropped, moved })));
  const rows = pairs.flatMap(({ dropped, moved }) =>
    effects[dropped][moved].flatMap((list, layer) =>
      list.flatMap((effect, moved_layer) =>
        effect === null ? [] : [{ dropped, layer, moved, moved_layer, effect }]
      )
    )
  );
  const drops = MODULES.map((kind) => ({ kind, rows: rows.filter(({ dropped }) => dropped === kind) }));
  if (drops.some(({ rows }) => rows.length === 0)) {
    throw new RangeError("Cannot draw effects: found a single layer, expected at least two");
  }
  const [attention, mlp] = drops.map(({ rows }) => ({ share: meanOf(rows) }));
  const layers = effects.attention.attention.length;
  const maps = pairs.map(({ dropped, moved }) => ({
    title: `${KIND_NAMES[dropped]} → ${KIND_NAMES[moved]}`,
    cells: rows.filter((row) => row.dropped === dropped && row.moved === moved)
      .map(({ layer: y, moved_layer: x, effect: value }) => ({ x, y, value })),
  }));
  return {
    rows,
    title:
      reading`Dropping one attention module moves later updates by ${attention}, dropping one MLP by ${mlp}`,
    shows: [
      "Dropped module → affected module. ‖u − u_full‖ / ‖u_full‖ over all tokens: how far the update of each later layer",
      "moves after the module of one layer is dropped.",
    ],
    setting: settingOf(provenance, `first ${measured.samples} × ${measured.length} of these tokens`),
    reads: drops.map(({ kind, rows }) => {
      const most = [...Map.groupBy(rows, ({ layer }) => layer)]
        .map(([layer, all]) => ({ layer, share: meanOf(all) }))
        .sort((a, b) => b.share - a.share).slice(0, 2)
        .map(({ layer, share }) => reading`${layer} (${{ share }})`);
      return `The ${KIND_NAMES[kind]} modules that move later updates most: layers ${most.join(" and ")}.`;
    }),
    panels: heatMaps(maps, EDGES, {
      size: [layers, layers],
      labels: ["affected layer", "dropped layer"],
      part: 1 / 2,
      height: 300,
    }),
  };
});

const meanOf = (rows: readonly { readonly effect: number }[]) => mean(rows.map(({ effect }) => effect));
