import { like, list } from "core/entry/mod.ts";
import { FIRST_LAYER, typical } from "../theory/module_ratio.ts";
import { MODULES } from "core/measure/mod.ts";
import { logAxis, logDomain, namesAxis } from "core/show/chart/draw/axes.ts";
import { fitSeries, type InitModel, measuredRatio, settingOfModels } from "../init_model.ts";
import { byKind, MODULE_KEY, numbersOf } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { reading } from "core/show/words/mod.ts";

/** One property, and models that differ in it alone. */
export interface InitCause {
  /** "width D" */
  readonly name: string;
  /** In the order of the axis. */
  readonly models: readonly (InitModel & { readonly value: number | string })[];
}

const aCause = like("a property with its models: { name, models }", (value) => {
  const { name, models } = (value ?? {}) as Partial<InitCause>;
  return typeof name === "string" && Array.isArray(models) && models.length > 0;
});

/** Draws the importance of both modules against each property. Throws `RangeError` for an empty list. */
export const initCausesFigure: Draw<[readonly InitCause[]]> = figure("init_causes", {
  causes: list(aCause, "causes", 1),
}, (causes) => {
  const rows = causes.flatMap(rowsOf);
  const domain = logDomain(numbersOf(rows, "importance", "predicted"));
  return {
    rows,
    title: "What sets importance in an untrained model, one property at a time",
    shows: [
      `Importance (log; geometric mean from layer ${FIRST_LAYER} up), everything else held fixed.`,
      "Points: measured, mean over seeds. Lines: closed form.",
    ],
    setting: settingOfModels(causes.flatMap(({ models }) => models)),
    reads: [`Ratio of attention's importance to the MLP's by ${causes.map(ratios).join("; ")}.`],
    key: MODULE_KEY,
    panels: causes.map((cause) => ({
      part: 1 / 2,
      height: 240,
      headings: [{ text: cause.name }],
      x: { ...namesAxis(cause.models.map(({ value }) => String(value)), 0.3), small: true },
      y: logAxis(domain, null),
      series: byKind(rowsOf(cause)).flatMap((group) =>
        fitSeries(group, 4, (row, x) => ({ x, at: `${cause.name} ${row.value}` }))
      ),
    })),
  };
});

function rowsOf({ name, models }: InitCause) {
  return models.flatMap(({ value, measured, predicted }) =>
    MODULES.map((module) => ({
      property: name,
      value: String(value),
      module,
      importance: typical(measured[module].importance),
      predicted: typical(predicted[module]),
    }))
  );
}

/** "width D: 22.1 at 128, 0.61 at 2048" */
function ratios({ name, models }: InitCause): string {
  const ends = models.length > 3 ? [models[0], models.at(-1)!] : models;
  const each = ends.map((model) => reading`${{ measured: measuredRatio(model) }} at ${String(model.value)}`);
  return reading`${name}: ${each}`;
}
