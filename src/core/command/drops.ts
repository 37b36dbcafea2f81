/** Which modules a command leaves out: its options, and the plans that they name in a model. */
import { list, option, text, under, wholeNumber } from "../entry/mod.ts";
import { type DropPlan, isFull } from "../measure/mod.ts";
import type { Plan } from "../result/mod.ts";
import { dropPlan } from "../run/mod.ts";
import { dropsIn } from "../study/plan.ts";
import { readPlan } from "../study/plan_file.ts";
import type { StudyModel } from "../subject/mod.ts";
import { GIVEN } from "./given.ts";
import { repeatable, type Table } from "./relations.ts";

/** Some commands take several plans. */
export interface DropFlags<Plans = string | undefined> {
  readonly dropAttention?: number[];
  readonly dropMlp?: number[];
  readonly dropBlock?: number[];
  readonly plan: Plans;
}

const layers = list(wholeNumber(0), "layers");

const dropLists = under("Modules to drop:", {
  dropAttention: option(layers, `<layers> drop attention in these layers, for example 25,26; ${GIVEN}`),
  dropMlp: option(layers, "<layers> drop the MLP in these layers, for example 15, or as above"),
  dropBlock: option(layers, "<layers> drop attention and MLP in these layers, for example 20, or as above"),
});

export const dropOptions = {
  ...dropLists,
  ...under("Modules to drop:", {
    plan: option(text, "<file> change modules as a plan from `lamina plan` or `lamina repair` says"),
  }),
};

export const DROP_OPTIONS = ["plan", "dropAttention", "dropMlp", "dropBlock"];

/** Options of commands that take several plans. */
export const planLists = (): Table => ({
  plan: repeatable("--plan <file>", "a plan from `lamina plan` or `lamina repair`"),
  ...dropLists,
});

function listedIn({ dropAttention = [], dropMlp = [], dropBlock = [] }: DropFlags<unknown>): DropPlan {
  return { attention: [...dropAttention, ...dropBlock], mlp: [...dropMlp, ...dropBlock] };
}

interface Wanted extends DropPlan {
  readonly plan: Plan | null;
}

/** Reads what the drop options name. */
export async function wantedOf(flags: DropFlags): Promise<Wanted> {
  const plan = flags.plan !== undefined ? await readPlan(flags.plan) : null;
  const { attention, mlp } = listedIn(flags);
  return {
    plan,
    attention: [...plan?.attention ?? [], ...attention],
    mlp: [...plan?.mlp ?? [], ...mlp],
    ...plan?.changes ? { changes: plan.changes } : {},
    ...plan?.tables ? { tables: plan.tables } : {},
  };
}

/** What that amounts to in a model. Throws if the plan is another model's, or a module is named twice. */
export function dropOf(model: StudyModel, { plan, ...changes }: Wanted): DropPlan {
  if (plan) dropsIn(model, plan);
  return dropPlan(model.spec, changes);
}

/** The plans of files, and the modules that the drop options list as one more. */
export async function plansIn(flags: DropFlags<readonly string[]>) {
  const plans = await Promise.all(flags.plan.map((file) => readPlan(file)));
  const listed = listedIn(flags);
  return isFull(listed) ? plans : [...plans, listed];
}
