import { mean, MODULES } from "core/measure/mod.ts";
import type { Causes } from "../result.ts";
import { heatMaps } from "core/show/chart/draw/heat.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { KIND_NAMES, reading, settingOf, settingsOf } from "core/show/words/mod.ts";
import { list, resultOf } from "core/entry/mod.ts";
import { indexAxis, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { byKind, lineChart, MODULE_KEY, numbersOf } from "core/show/chart/plots.ts";
import { causesRows } from "../table.ts";

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
      height: 300,
    }),
  };
});

const meanOf = (rows: readonly { readonly effect: number }[]) => mean(rows.map(({ effect }) => effect));

/** The ratio of longest to shortest below which updates count as equally long. */
const ONE_LENGTH = 1.01;

/**
 * Draws the mean length of the updates by layer, a panel for each result. Where a norm follows the modules and has its initial weights,
 * all are equally long, so size says nothing about a module (claim C7). Throws `RangeError` for an empty list.
 */
export const updateNormsFigure: Draw<[readonly Causes[]]> = figure("update_norms", {
  results: list(resultOf("causes"), "results of causes", 1),
}, (results) => {
  const models = results.map(modelOf);
  const domain = logDomain(models.flatMap(({ spread }) => numbersOf(spread, "low", "high")));
  const spans = models.toSorted((a, b) => a.measured - b.measured);
  const [least, most] = [spans[0], spans.at(-1)!];
  const each = spans.map((span) => reading`${span} in ${span.name}`);
  return {
    rows: models.flatMap(({ rows }) => rows),
    title: least.measured < ONE_LENGTH
      ? `In ${least.name}, every update has the same length`
      : reading`The longest mean update is ${least} to ${most} times the shortest`,
    shows: ["Mean length |u| of the updates by layer. Bands: ± 1 standard deviation over tokens."],
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reads: [reading`Ratio of the longest to the shortest mean update: ${each}.`],
    key: MODULE_KEY,
    panels: models.map(({ name, layers, spread }) =>
      lineChart(byKind(spread).map((group) => ({ ...group, band: true })), "layer", "norm", {
        ...{ part: 1 / 2, height: 260, headings: [{ text: name }], keyed: true, ends: ["low", "high"] },
        across: indexAxis(layers, "layer"),
        up: logAxis(domain, null),
        says: ({ layer, norm }, label) => reading`${label}, layer ${layer}: ${{ measured: Number(norm) }}`,
      })
    ),
  };
});

/** The ratio of the longest to the shortest mean update, and the updates with their spread over tokens. */
function modelOf(result: Causes) {
  const rows = causesRows(result);
  const spread = rows.filter(({ norm }) => Number(norm) > 0).map((row): CsvRow => {
    const [norm, half] = [Number(row.norm), Math.min(Number(row.norm_spread ?? 0), 0.9)];
    return { ...row, low: norm * (1 - half), high: norm * (1 + half) };
  });
  const norms = numbersOf(spread, "norm");
  return {
    name: result.provenance.model.name,
    layers: result.streamNorm.length,
    rows,
    spread,
    measured: norms.length ? Math.max(...norms) / Math.min(...norms) : 1,
  };
}
