/** What a study drops: lists of layers, or a plan that was made from the same model. */
import {
  type Check,
  expect,
  like,
  list,
  oneOf,
  orElse,
  record,
  resultOf,
  wholeNumber,
} from "../../entry/mod.ts";
import { KINDS } from "../../measure/mod.ts";
import type { Plan } from "../../result/mod.ts";
import { type DropPlan, dropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";

/** Checks of a kind of module, and of a profile. */
export const aModule: Check = oneOf(KINDS);
export const aProfile: Check = resultOf("profile");

/** What to leave out: a plan, or lists of layers. */
export const aDrop: Check = orElse(
  (value) => typeof value === "object" && value !== null && "kind" in value,
  resultOf("plan"),
  record(
    { attention: list(wholeNumber(0), "layers"), mlp: list(wholeNumber(0), "layers") },
    "a plan, or lists of layers as { attention: [1, 2], mlp: [3] }",
  ),
);

function isModel(value: unknown): boolean {
  return typeof value === "object" && value !== null && "spec" in value && "identity" in value;
}

/**
 * Returns the modules to drop from this model, from lists of layers or from a plan. Throws `TypeError` for a plan made from another
 * model, and `RangeError` for a layer that cannot be dropped or is listed twice.
 *
 * @example
 * ```ts
 * import { dropsIn, makePlan, openModel, profile } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const drop = dropsIn(model, makePlan(result, { target: "mlp", drop: 2 }));
 * console.log(drop.mlp);
 * ```
 */
export function dropsIn(
  model: Pick<StudyModel, "spec" | "identity">,
  plan: Partial<DropPlan> | Plan,
): DropPlan {
  expect("drop modules", "model", model, like("an opened model", (value) => isModel(value)));
  expect("drop modules", "plan", plan, aDrop);
  const { spec, identity } = model;
  if ("kind" in plan) expectPlanOf(identity, plan);
  return dropPlan(spec, plan);
}

/** Throws `TypeError` for a plan that was made from a model of another depth. */
export function expectDepth(
  { name, layers }: Pick<StudyModel["identity"], "name" | "layers">,
  plan: Plan,
): void {
  if (plan.layers === layers) return;
  throw new TypeError(
    `Cannot apply a plan made from ${plan.model} (${plan.layers} layers) to ${name} (${layers} layers): expected a plan made ` +
      "from this model",
  );
}

function expectPlanOf(identity: StudyModel["identity"], plan: Plan): void {
  expectDepth(identity, plan);
  const found = plan.provenance?.model;
  if (!found || found.fingerprint === identity.fingerprint) return;
  const flags = [
    ...plan.attention.length ? [`--drop-attention ${plan.attention.join(",")}`] : [],
    ...plan.mlp.length ? [`--drop-mlp ${plan.mlp.join(",")}`] : [],
  ];
  throw new TypeError(
    `Cannot apply a plan made from ${found.name} (${found.fingerprint}) to ${identity.name} ` +
      `(${identity.fingerprint}): expected a plan made from this model; to drop the same layers anyway, ` +
      `use ${flags.join(" ") || "no plan"}`,
  );
}
