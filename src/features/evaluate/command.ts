/** The command that measures what dropping costs in answers: evaluate. */
import { noDrop } from "core/measure/mod.ts";
import { evaluatePriceText } from "./table.ts";
import { DEFAULT_TASKS, evaluateStudy } from "./study.ts";
import { type Context, optionsIn, withModel } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { DROP_OPTIONS, type DropFlags, planLists, plansIn } from "core/command/drops.ts";
import { type Flags, MODEL, studyOptions } from "core/command/options.ts";
import { listText, outputOf } from "core/command/outlet.ts";
import { perform } from "core/command/perform.ts";

const evaluateCommand = (context: Context) =>
  declared({
    name: "evaluate",
    says: "score benchmark tasks as lm-eval does, with and without drops",
    takes: { "<model>": MODEL },
    options: { ...planLists(), ...evaluateStudy.checks, ...studyOptions("evaluate") },
    first: "plan dropAttention dropMlp tasks shots limit until margin json dryRun",
    relations: { suite: { excludes: ["tasks"] }, margin: { needs: DROP_OPTIONS } },
    example: "evaluate smollm2-135m --tasks piqa --limit 100 --drop-attention 25",
  }, async (ref: string, flags: Flags & DropFlags<string[]> & { readonly suite?: string }) => {
    const plans = await plansIn(flags);
    await withModel(context, ref, flags, async (model) => {
      const options = {
        ...flags.suite === undefined ? { tasks: DEFAULT_TASKS } : {},
        ...optionsIn(context, flags, evaluateStudy),
        plans: [noDrop, ...plans],
      };
      await perform(context, flags, evaluateStudy, [model, options], {
        price: (price) => evaluatePriceText(model.name, plans.length, price, context.look),
        output: (results, done) => ({
          ...outputOf(context, results, { done }),
          json: () => listText(plans.length === 0 ? results : results.slice(1)),
        }),
      });
    });
  });

export const commands = { "Every day:": [evaluateCommand], place: 4 };
