/** Untrained models: an untrained model's importances by layer, and several beside their closed form. */
import type { RandomInit } from "./result.ts";
import { formatNumber, KIND_NAMES, settingOf } from "core/show/words/mod.ts";
import { KINDS } from "core/measure/mod.ts";
import { moduleRatio } from "./theory/module_ratio.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { type InitModel, measuredRatio, percent, shapeText, worstError } from "./init_model.ts";
import { byLayer, layerRecords, layerTable, lines, type Table, tableOf } from "core/show/tables/table.ts";

export function randomInitTables(result: RandomInit): Table[] {
  const { shape, seeds, streamNorm, provenance } = result;
  const { hidden, layers, heads, kvHeads, headSize, feedForward, vocabulary, norm } = shape;
  const format = formatNumber;
  return [
    lines(
      settingOf(provenance),
      `D ${hidden}, L ${layers}, H ${heads}, K ${kvHeads}, E ${headSize}, F ${feedForward}, V ${vocabulary}, ` +
        `${norm}-norm; ${seeds.length > 1 ? "seeds" : "seed"} ${seeds.join(", ")}`,
    ),
    layerTable(streamNorm, [
      byLayer(streamNorm, { title: "|x|", format }),
      ...KINDS.flatMap((kind) => [
        byLayer(result[kind].importance, { title: KIND_NAMES[kind], format }),
        ...seeds.length > 1 ? [byLayer(result[kind].spread, { title: "± seeds", format })] : [],
      ]),
    ]),
  ];
}

/** A row a module: mean over seeds, and their spread. */
export function randomInitRows(result: RandomInit): CsvRow[] {
  const { provenance: { model, packing: { samples, length } }, seeds } = result;
  return layerRecords(KINDS, { model: model.name, samples, length, seeds: seeds.length }, (kind) => {
    const { bySeed: _, directions, ...lists } = result[kind];
    return { ...lists, ...directions };
  });
}

/** Untrained models compared with their closed form, for a page. */
export function ratioTable(models: readonly InitModel[]): Table {
  return {
    title: "Ratio of attention’s importance to the MLP’s (geometric mean from layer 2 up)",
    ...tableOf(models, [
      { title: "model", value: shapeText, align: "left" },
      { title: "measured", value: measuredRatio, format: formatNumber },
      { title: "closed form", value: ({ predicted }) => moduleRatio(predicted), format: formatNumber },
      { title: "largest error over modules", value: worstError, format: percent },
    ]),
  };
}
