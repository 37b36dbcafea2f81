/** The command that measures what dropping costs in answers: evaluate. */
import type { Command } from "commander";
import { noDrop } from "../../measure/mod.ts";
import { evaluatePriceText } from "../../show/mod.ts";
import { DEFAULT_TASKS, studies } from "../../study/mod.ts";
import { type Context, optionsIn, withModel } from "../shared/context.ts";
import { declared } from "../shared/declare.ts";
import { DROP_OPTIONS, type DropFlags, planLists, plansIn } from "../shared/drops.ts";
import { type Flags, MODEL, studyOptions } from "../shared/options.ts";
import { listText, outputOf } from "../shared/outlet.ts";
import { perform } from "../shared/perform.ts";

export const evaluateCommand = (context: Context): Command =>
  declared({
    name: "evaluate",
    says: "score benchmark tasks as lm-eval does, with and without drops",
    takes: { "<model>": MODEL },
    options: { ...planLists(), ...studies.evaluate.checks, ...studyOptions("evaluate") },
    relations: { suite: { excludes: ["tasks"] }, margin: { needs: DROP_OPTIONS } },
    example: "evaluate smollm2-135m --tasks piqa --limit 100 --drop-attention 25",
  }, async (ref: string, flags: Flags & DropFlags<string[]> & { readonly suite?: string }) => {
    const plans = await plansIn(flags);
    await withModel(context, ref, flags, async (model) => {
      const options = {
        ...flags.suite === undefined ? { tasks: DEFAULT_TASKS } : {},
        ...optionsIn(context, flags, studies.evaluate),
        plans: [noDrop, ...plans],
      };
      await perform(context, flags, studies.evaluate, [model, options], {
        price: (price) => evaluatePriceText(model.name, plans.length, price, context.look),
        output: (results, done) => ({
          ...outputOf(context, results, { done }),
          json: () => listText(plans.length === 0 ? results : results.slice(1)),
        }),
      });
    });
  });
