/** Commands that studies declare whole. */
import { isFull, noDrop } from "../measure/mod.ts";
import type { Result } from "../result/mod.ts";
import type { RunOptions } from "../study/options.ts";
import type { Study } from "../study/study.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Context, optionsIn, withModel } from "./context.ts";
import { declared } from "./declare.ts";
import { type DropFlags, dropOf, dropOptions, planLists, wantedOf } from "./drops.ts";
import { type Flags, MODEL, studyOptions } from "./options.ts";
import { outputOf } from "./outlet.ts";
import { perform, shown } from "./perform.ts";
import type { Table } from "./relations.ts";

/** The command of a study that says itself what it does: with the study's options, and a plan to drop where it has one. */
export const plainCommand =
  (name: string, study: Study<StudyModel, RunOptions, Result>, example = "", more: Table = {}) =>
  (context: Context) => {
    const { says = "", checks } = study;
    const [drops, isOfPlans] = ["drop" in checks, "plans" in checks];
    const planned = isOfPlans ? planLists() : drops ? dropOptions : {};
    const options = { ...more, ...planned, ...checks, ...studyOptions(name) };
    const takes = { "<model>": MODEL };
    return declared({ name, says, takes, options, example: `${name} smollm2-135m ${example}`.trim() }, async (
      ref: string,
      flags: Flags & DropFlags<string | string[] | undefined> & { readonly all?: boolean },
    ) => {
      const files = isOfPlans && flags.plan?.length === 0 ? [undefined] : [flags.plan].flat();
      const wanted = await Promise.all(files.map((plan) => wantedOf({ ...flags, plan })));
      // A plan from a file says what its scores and repairs were measured on.
      const plansIn = (model: StudyModel) => [
        noDrop,
        ...wanted.map((one) => ({ ...one.plan, ...dropOf(model, one) })).filter((plan) => !isFull(plan)),
      ];
      await withModel(context, ref, flags, async (model) => {
        const plan = isOfPlans ? { plans: plansIn(model) } : drops ? { drop: dropOf(model, wanted[0]) } : {};
        await perform(context, flags, study, [model, { ...optionsIn(context, flags, study), ...plan }], {
          ...shown(context, model.name),
          output: (result, done) => outputOf(context, result, { done, all: flags.all }),
        });
      });
    });
  };
