/** What a study changes: lists of layers to drop, a list of changes, or a plan that was made from the same model. */
import {
  type Check,
  expect,
  isRecord,
  like,
  list,
  oneLine,
  oneOf,
  orElse,
  record,
  required,
  resultOf,
  string,
  text,
  unknownText,
  wholeNumber,
} from "../entry/mod.ts";
import {
  type Change,
  CHANGE_FIELDS,
  type ChangeField,
  CHANGES,
  KINDS,
  MODULES,
  oddField,
  planText,
  TABLES,
} from "../measure/mod.ts";
import { changeFields, type Plan, PLAN_FIELDS } from "../result/mod.ts";
import { type DropPlan, dropPlan } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";

export const aModule: Check = oneOf(KINDS);
export const aProfile: Check = resultOf("profile");

const anyChange = record(
  {
    layer: required(wholeNumber(0)),
    module: required(oneOf(MODULES)),
    to: required(oneOf(CHANGES)),
    ...Object.fromEntries(Object.entries(changeFields).map(([name, [, check]]) => [name, check])),
  },
  'a change as { layer: 1, module: "attention", to: "scaled", along: 0, across: 1 }',
);

/** A change of one module: with the fields of its kind and no others. */
const aChange: Check = (value, path) => {
  const flaw = anyChange(value, path);
  if (flaw) return flaw;
  const change = value as Change & Partial<Record<ChangeField, unknown>>;
  const odd = oddField(change, ` in ${path}`);
  if (odd !== null) return { text: odd, error: TypeError };
  const own = Object.entries<boolean>(CHANGE_FIELDS[change.to]);
  const missing = own.find(([name, isRequired]) => isRequired && change[name as ChangeField] === undefined);
  return missing ? changeFields[missing[0] as ChangeField][1](undefined, `${path}.${missing[0]}`) : null;
};

const lists: Check = record({
  attention: list(wholeNumber(0), "layers"),
  mlp: list(wholeNumber(0), "layers"),
  changes: list(aChange, "changes"),
  tables: record(
    { both: oneOf(TABLES), embedding: text, head: text, tensors: text },
    'a change of the tables of words as { embedding: "Q5_0" }',
  ),
}, "a plan, or lists of layers as { attention: [1, 2], mlp: [3] }");

/** A plan, lists of layers to drop, or a list of changes. */
export type PlanLike = Plan | Partial<DropPlan>;

/** Options of a study whose plan is an argument of its function, and an option of `estimate`. */
export type OverPlan<Options> = Options & { readonly plan: PlanLike };
/** The same for several plans. */
export type OverPlans<Options> = Options & { readonly plans: readonly PlanLike[] };

/** What a study's function takes behind the model: its plan or plans, where it has some, and its options. */
export type BehindModel<Options> = Options extends OverPlans<unknown>
  ? [plans: readonly PlanLike[], options?: Omit<Options, "plans">]
  : Options extends OverPlan<unknown> ? [plan: PlanLike, options?: Omit<Options, "plan">]
  : [options?: Options];

/** The same as options alone. */
export function optionsBehind(checks: object, behind: readonly unknown[]): object {
  const own = ["plans", "plan"].filter((name) => name in checks);
  return Object.assign({}, ...own.map((name, i) => ({ [name]: behind[i] })), behind[own.length]);
}

/** A plan as a result: it may have been edited since it was made, by a misspelt name too. */
export const aPlan: Check = (value, path) => flawOfEdit(value, path) ?? resultOf("plan")(value, path);

/** What the form would not name as the plan's own checks do: a misspelt name, and layers and changes. */
function flawOfEdit(value: unknown, path: string): ReturnType<Check> {
  if (!isRecord(value) || value.kind !== "plan") return null;
  const odd = Object.keys(value as Plan).find((name) => !PLAN_FIELDS.includes(name));
  if (odd !== undefined) {
    return { text: unknownText(`field "${odd}" of a plan in ${path}`, odd, PLAN_FIELDS), error: TypeError };
  }
  const { model, layers, attention = null, mlp = null, changes, tables } = value as Partial<Plan>;
  return madeFrom({ model, layers }, path) ?? lists({ attention, mlp, changes, tables }, path);
}

/** What a plan says of the model that it was made from. */
const madeFrom: Check = record({ model: required(string), layers: required(wholeNumber(1)) }, "a plan");

export const aDrop: Check<PlanLike> = orElse(
  (value) => typeof value === "object" && value !== null && "kind" in value,
  aPlan,
  lists,
);

/**
 * Returns the changes of this model's modules in normal form, from lists of layers, a list of changes, or a plan. Throws `TypeError`
 * for a plan made from another model, and `RangeError` for a module that cannot be changed so, or is changed twice.
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
export function dropsIn(model: Pick<StudyModel, "spec" | "identity">, plan: PlanLike): DropPlan {
  expect("drop modules", "model", model, anOpened);
  expect("drop modules", "plan", plan, aDrop);
  const { spec, identity } = model;
  if ("kind" in plan) expectPlanOf(identity, plan);
  return dropPlan(spec, plan);
}

const anOpened = like(
  "an opened model",
  (value) => typeof value === "object" && value !== null && "spec" in value && "identity" in value,
);

/** Throws `TypeError` for a plan that was made from a model of another depth. */
export function expectDepth({ name, layers }: Pick<StudyModel["identity"], "name" | "layers">, plan: Plan) {
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
  const { attention, mlp } = plan;
  const dropped = attention.length + mlp.length;
  throw new TypeError(
    `Cannot apply a plan made from ${found.name} (${oneLine(found.fingerprint, 80)}) to ${identity.name} ` +
      `(${identity.fingerprint}): expected a plan made from this model` +
      (dropped > 0 ? `; to drop the same modules anyway, name them: ${planText({ attention, mlp })}` : ""),
  );
}
