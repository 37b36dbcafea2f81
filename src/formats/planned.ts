/** A plan on a checkpoint as a job. */
import { type DropPlan, isFull, MODULES } from "../measure/mod.ts";
import type { ModelFiles } from "../hub/mod.ts";
import { firstScoring, type ModelSpec, readDropList, readSpec } from "../models/mod.ts";
import { routeIn, unrolledSpec } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Job, type Module, type Original, rowsOf, type Stored } from "./job.ts";
import { visitedModel, visitedStored } from "./visited.ts";

/** The job of leaving modules out, in the order given. Throws `RangeError` if no module or every module is left out. */
export function jobOf(model: StudyModel, files: ModelFiles, stored: Stored, drop: DropPlan): Job {
  const { path, changes } = drop;
  const { drop_attn_list, drop_mlp_list, ...config } = model.config;
  const full = readSpec(config, model.name, model.allowed);
  const own = (list: unknown, name: string) => [...readDropList(list, full.layers.length, name, model.name)];
  const before = {
    attention: own(drop_attn_list, "drop_attn_list"),
    mlp: own(drop_mlp_list, "drop_mlp_list"),
  };
  const all = {
    attention: [...before.attention, ...drop.attention],
    mlp: [...before.mlp, ...drop.mlp],
    ...changes ? { changes } : {},
    ...path ? { path } : {},
  };
  if (isFull(all)) {
    throw new RangeError(
      `Cannot export ${model.name}: nothing is dropped, expected a plan or modules to drop`,
    );
  }
  return planned({ model, files, stored, full, before }, all);
}

/** The job of writing the model as it is. */
export function wholeJob({ original }: Job): Job {
  return planned(original, original.before);
}

function planned(original: Original, plan: DropPlan): Job {
  const { model, files, stored } = original;
  const { spec: full, plan: drop } = unrolledSpec(original.full, plan);
  if (!firstScoring(full)) {
    throw new RangeError(
      `Cannot export ${model.name}: no layer has heads, expected attention in one at least`,
    );
  }
  const { visits } = routeIn(original.full, plan);
  const layers = plan.path ? visits.map(({ layer }) => layer) : null;
  return {
    original,
    plan,
    visits,
    model: layers ? visitedModel(model, layers) : model,
    files,
    stored: layers ? visitedStored(stored, layers) : stored,
    full,
    drop,
    ...placesOf(full, drop, model.name),
    edited: false,
    fields: {},
    ownMeans: [],
  };
}

/** Layers that are left, and modules that are not. Throws `RangeError` where nothing would be left. */
function placesOf({ layers }: ModelSpec, drop: DropPlan, name: string): Pick<Job, "kept" | "lone" | "rows"> {
  const means = (drop.changes ?? []).filter(({ to }) => to === "mean");
  const lacks = (module: Module["module"], layer: number) =>
    drop[module].includes(layer) || means.some((one) => one.module === module && one.layer === layer);
  const kept = [...layers.keys()].filter((l) => !lacks("attention", l) || !lacks("mlp", l));
  if (kept.length === 0) {
    throw new RangeError(`Cannot export ${name}: all its modules are dropped, expected at least one left`);
  }
  const lone = kept.flatMap((layer) =>
    MODULES.flatMap((module) => lacks(module, layer) ? [{ module, layer }] : [])
  );
  return { kept, lone, rows: rowsOf(kept) };
}
