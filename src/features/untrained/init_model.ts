/** What the figures, table and claim of untrained models share: a measured model and its closed form, its name, and the worst error of the form. */
import { type Check, expect, like, list } from "core/entry/mod.ts";
import { FIRST_LAYER, moduleRatio } from "./theory/module_ratio.ts";
import { MODULES } from "core/measure/mod.ts";
import type { Predicted } from "./theory/init_theory.ts";
import type { RandomInit } from "./result.ts";
import { computedText } from "core/show/words/mod.ts";

/** One untrained model: measured over its seeds, and predicted by the closed form for the same setting. */
export interface InitModel {
  /** The measurement. */
  readonly measured: RandomInit;
  /** The prediction of the closed form. */
  readonly predicted: Predicted;
}

const measuredInit = like(
  "a result of initModel",
  (value) => (value as Partial<InitModel> | null)?.measured?.kind === "random-init",
);
export const measuredInits: Check = list(measuredInit, "models", 1);

/** The literature's names for the norm placements. */
export const PLACES = { pre: "Pre-LN", peri: "Peri-LN", post: "post-norm" } as const;

/** "D 576, σ 0.02, Pre-LN"; a model at its own width goes by its name instead: "llama-2-7b, σ 0.02, Pre-LN". */
export function shapeText({ measured: { shape, initialiser, provenance } }: InitModel): string {
  const [name, changes = ""] = provenance.model.name.split(" (");
  const which = changes.includes("hidden") ? `D ${shape.hidden}` : name;
  return `${which}, σ ${Number(initialiser.std.toPrecision(3))}, ${PLACES[shape.norm]}`;
}

/** Largest relative error of the closed form from `FIRST_LAYER` on, over both modules. */
export function worstError({ measured, predicted }: InitModel): number {
  const errors = MODULES.flatMap((module) =>
    measured[module].importance.slice(FIRST_LAYER).flatMap((value, i) =>
      value === null ? [] : [Math.abs(predicted[module][i + FIRST_LAYER] / value - 1)]
    )
  );
  return Math.max(0, ...errors);
}

/** A fraction as a percentage, rounded up: an upper bound on an error. */
export const percent = (share: number): string => `${Math.ceil(100 * share)} %`;

export function settingOfModels(models: readonly InitModel[]): string {
  const { packing, text } = models[0].measured.provenance;
  const seeds = models.map(({ measured }) => measured.seeds.length);
  const [least, most] = [Math.min(...seeds), Math.max(...seeds)];
  const same = models.every(({ measured: { provenance: { packing: other } } }) =>
    other.samples === packing.samples && other.length === packing.length
  );
  const names = models.map(({ measured }) => measured.provenance.model.name.split(" (")[0]);
  return [
    [...new Set(names)].join(", "),
    ...same ? [`${packing.samples} × ${packing.length} tokens of ${text.name}`] : [`${text.name} text`],
    `${least === most ? least : `${least} to ${most}`} seed${most === 1 ? "" : "s"} each`,
    computedText(...models.map(({ measured }) => measured.provenance)),
  ].join(" · ");
}

/**
 * Ratio of attention's importance to the MLP's, as measured: below 1, attention turns the stream less.
 *
 * @example
 * ```ts
 * import { measuredRatio } from "lamina/figures";
 * import { initModel, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * console.log(measuredRatio(await initModel(named, { samples: 1, length: 32 })));
 * ```
 */
export function measuredRatio(model: InitModel): number {
  expect("compare importances", "model", model, measuredInit);
  const { measured: { attention, mlp } } = model;
  return moduleRatio({ attention: attention.importance, mlp: mlp.importance });
}
