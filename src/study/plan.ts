/**
 * From importance to a list of drops: the n lowest, in order (one-shot, as in the paper).
 *
 * Baselines: relative magnitude, a random order from a seed, and deepest first.
 */
import { halfWidth95, mean } from "../measure/mod.ts";
import type { ModelSpec } from "../models/mod.ts";
import { head, type ModuleMeans, type Plan, type Profile } from "../result/mod.ts";
import { type DropPlan, dropPlan } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { permutation } from "../tensor/mod.ts";

/** Which modules compete: one kind, or attention and MLP in one list. */
export type Target = Plan["target"];
/** What they are ordered by, lowest first. */
export type Order = Plan["by"];

/** One module and what it was ordered by. */
export type Ranked = Plan["order"][number];

/** The values of a profile by which modules are ordered; null where there is no module. */
export type Scores = Readonly<
  Record<"attention" | "mlp" | "block", Pick<ModuleMeans, "importance" | "relativeMagnitude">>
>;

/**
 * All modules of a target, in drop order.
 *
 * @example
 * ```ts
 * import { openSeries, profile, rank } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const [first, second] = rank(result, "attention"); // the most redundant modules
 * console.log(first.layer, second.layer);
 * model.close();
 * ```
 */
export function rank(scores: Scores, target: Target, by: Order = "importance", seed = 0): Ranked[] {
  const kinds = target === "joint" ? ["attention", "mlp"] as const : [target];
  const score = by === "magnitude" ? "relativeMagnitude" : "importance";
  const present = kinds.flatMap((module) =>
    scores[module][score].flatMap((value, layer): Ranked[] =>
      value === null ? [] : [{ module, layer, score: value }]
    )
  );
  switch (by) {
    case "importance":
    case "magnitude":
      return present.sort((a, b) => a.score! - b.score! || b.layer - a.layer);
    case "deepest":
      return present.sort((a, b) => b.layer - a.layer).map((entry) => ({ ...entry, score: null }));
    case "random":
      return permutation(present.length, seed).map((i) => ({ ...present[i], score: null }));
  }
}

/** Modules as lists of layers, in order; for a block, the modules that exist. */
export function dropsOf(scores: Scores, order: readonly Ranked[]): { attention: number[]; mlp: number[] } {
  const layers = (kind: "attention" | "mlp") =>
    order.filter(({ module, layer }) =>
      module === kind || module === "block" && scores[kind].importance[layer] !== null
    ).map(({ layer }) => layer);
  return { attention: layers("attention"), mlp: layers("mlp") };
}

/**
 * How many modules of a target a model has.
 *
 * @example
 * ```ts
 * import { droppable, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * console.log(droppable(model.spec, "joint")); // attention modules and MLPs together
 * model.close();
 * ```
 */
export function droppable({ layers }: ModelSpec, target: Target): number {
  const attention = layers.filter((layer) => layer.attention).length;
  const mlp = layers.filter((layer) => layer.mlp).length;
  const block = layers.filter((layer) => layer.attention || layer.mlp).length;
  return { attention, mlp, block, joint: attention + mlp }[target];
}

/**
 * A plan that drops the first `drop` modules. Throws `RangeError` if there are fewer.
 *
 * @example
 * ```ts
 * import { makePlan, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { attention } = makePlan(result, { target: "attention", drop: 3 });
 * console.log(attention); // layers whose attention may go
 * model.close();
 * ```
 */
export function makePlan(
  profile: Profile,
  { target, drop, by = "importance", seed = 0 }: { target: Target; drop: number; by?: Order; seed?: number },
): Plan {
  const ranked = rank(profile, target, by, seed);
  if (!Number.isInteger(drop) || drop < 0 || drop > ranked.length) {
    throw new RangeError(`Cannot drop ${drop} of ${target}: expected an integer from 0 to ${ranked.length}`);
  }
  const order = ranked.slice(0, drop);
  const { provenance } = profile;
  return {
    ...head("plan"),
    model: provenance.model.name,
    layers: provenance.model.layers,
    provenance,
    target,
    by,
    seed: by === "random" ? seed : null,
    ...dropsOf(profile, order),
    order,
  };
}

/**
 * What to drop from this model: lists of layers, or a plan, which must be this model's. Throws `TypeError` for a plan
 * made from another model, and `RangeError` as `dropPlan` does.
 *
 * @example
 * ```ts
 * import { dropsIn, makePlan, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const drop = dropsIn(model, makePlan(result, { target: "mlp", drop: 2 }));
 * console.log(drop.mlp);
 * model.close();
 * ```
 */
export function dropsIn(
  { spec, identity }: Pick<StudyModel, "spec" | "identity">,
  plan: Partial<DropPlan> | Plan,
): DropPlan {
  if ("kind" in plan) expectPlanOf(identity, plan);
  return dropPlan(spec, plan);
}

function expectPlanOf(identity: StudyModel["identity"], plan: Plan): void {
  const found = plan.provenance?.model;
  if (plan.layers !== identity.layers) {
    throw new TypeError(
      `Cannot apply a plan made from ${plan.model} (${plan.layers} layers) to ${identity.name} ` +
        `(${identity.layers} layers): expected one made from this model`,
    );
  }
  if (!found || found.fingerprint === identity.fingerprint) return;
  const flags = [
    ...plan.attention.length ? [`--drop-attention ${plan.attention.join(",")}`] : [],
    ...plan.mlp.length ? [`--drop-mlp ${plan.mlp.join(",")}`] : [],
  ];
  throw new TypeError(
    `Cannot apply a plan made from ${found.name} (${found.fingerprint}) to ${identity.name} ` +
      `(${identity.fingerprint}): expected one made from this model; to drop the same layers anyway, ` +
      `name them: ${flags.join(" ") || "there are none"}`,
  );
}

/**
 * Whether neighbours in a ranking are distinguishable from each other (95 %, paired over samples).
 *
 * @example
 * ```ts
 * import { distinct, openSeries, profile, rank } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const [first, second] = rank(result, "attention");
 * console.log(distinct(result, first, second)); // whether the samples tell them apart
 * model.close();
 * ```
 */
export function distinct(profile: Profile, above: Ranked, below: Ranked): boolean {
  const values = ({ module, layer }: Ranked) =>
    profile.sums[module][layer]!.map((sample) => sample.distance / sample.counted);
  const [a, b] = [values(above), values(below)];
  const differences = a.map((value, i) => value - b[i]);
  const half = halfWidth95(differences);
  return half !== null && Math.abs(mean(differences)) > half;
}
