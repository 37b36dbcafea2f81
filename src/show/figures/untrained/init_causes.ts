/**
 * The sources of importance in an untrained model: one property varied at a time, all others held fixed. Points
 * are measured, lines computed; a value is the geometric mean over the layers from 2 up.
 */
import { like, list } from "../../../entry/mod.ts";
import { FIRST_LAYER, MODULES, typical } from "../../../measure/mod.ts";
import { logAxis, logDomain, namesAxis } from "../../chart/draw/axes.ts";
import { fitSeries, type InitModel, measuredRatio, settingOfModels } from "../../chart/init_model.ts";
import { formatNumber } from "../../chart/numbers.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { KIND_NAMES, MODULE_KEY } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

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

/**
 * Draws the importance of both modules against each property. Throws `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { initCausesFigure } from "lamina/figures";
 * import { initModels, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const models = await initModels(named, { 4: { layers: 4 }, 8: { layers: 8 } }, { samples: 1, length: 32 });
 * const { svg } = initCausesFigure([{ name: "depth L", models }]);
 * ```
 */
export const initCausesFigure: Draw<[readonly InitCause[]]> = figure("init_causes", {
  causes: list(aCause, "causes", 1),
}, (causes) => {
  const rows = causes.flatMap(rowsOf);
  const domain = logDomain(rows.flatMap(({ importance, predicted }) => [importance, predicted]));
  return {
    title: "What sets importance in an untrained model, one property at a time",
    subtitle: `Importance (log; geometric mean from layer ${FIRST_LAYER} up), everything else held fixed. ` +
      "Points: measured, mean over seeds. Lines: closed form.",
    setting: settingOfModels(causes.flatMap(({ models }) => models)),
    reading:
      causes.map(readingOf).join("; ").replace(/^./, "Ratio of attention's importance to the MLP's by $&") +
      ".",
    key: MODULE_KEY,
    panels: causes.map((cause) => chart(cause, domain)),
    rows,
  };
});

function rowsOf({ name, models }: InitCause) {
  return models.flatMap(({ value, measured, predicted }) =>
    MODULES.map((module) => ({
      property: name,
      value: String(value),
      module: KIND_NAMES[module],
      importance: typical(measured[module].importance),
      predicted: typical(predicted[module]),
    }))
  );
}

/** "width D: 22.1 at 128, 0.61 at 2048" */
function readingOf({ name, models }: InitCause): string {
  const ends = models.length > 3 ? [models[0], models.at(-1)!] : models;
  const ratios = ends.map((model) => `${formatNumber(measuredRatio(model))} at ${model.value}`);
  return `${name}: ${ratios.join(", ")}`;
}

function chart(cause: InitCause, domain: [number, number]): Panel {
  return {
    part: 1 / 2,
    height: 240,
    headings: [{ text: cause.name }],
    x: { ...namesAxis(cause.models.map(({ value }) => String(value)), 0.3), small: true },
    y: logAxis(domain, null),
    series: MODULES.flatMap((module) => {
      const own = rowsOf(cause).filter((row) => row.module === KIND_NAMES[module]);
      return fitSeries(module, own.map((row, x) => ({ ...row, x, at: `${cause.name} ${row.value}` })), 4);
    }),
  };
}
