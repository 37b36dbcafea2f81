/** Commands that measure what dropping costs in predictions: perplexity, evaluate. */
import type { Command } from "commander";
import { isFull, noDrop } from "../../measure/mod.ts";
import { evaluatePriceText } from "../../show/mod.ts";
import { DEFAULT_TASKS, studies } from "../../study/mod.ts";
import { type Context, optionsIn, withModel } from "../shared/context.ts";
import { declared } from "../shared/declare.ts";
import {
  DROP_OPTIONS,
  type DropFlags,
  dropLists,
  dropOf,
  type Flags,
  MODEL,
  planFiles,
  plansIn,
  studyOptions,
  wantedOf,
} from "../shared/options.ts";
import { listText, outputOf } from "../shared/outlet.ts";
import { perform, studyCommand } from "../shared/perform.ts";

const perplexityCommand = (context: Context): Command =>
  studyCommand(context, studies.perplexity, {
    name: "perplexity",
    says: "measure how well the model predicts a text, with and without the dropped modules",
    options: { ...planFiles(), ...dropLists, ...studies.perplexity.checks, ...studyOptions("perplexity") },
    example: "perplexity smollm2-135m --drop-attention 25,26",
  }, {
    async more(flags: Flags & DropFlags<string[]>) {
      const files = flags.plan.length > 0 ? flags.plan : [undefined];
      const wanted = await Promise.all(files.map((plan) => wantedOf({ ...flags, plan })));
      return (model) => ({
        // A plan from a file says what its scores and repairs were measured on.
        plans: [
          noDrop,
          ...wanted.map((one) => ({ ...one.plan, ...dropOf(model, one) })).filter((plan) => !isFull(plan)),
        ],
      });
    },
  });

export const evaluateCommand = (context: Context): Command =>
  declared({
    name: "evaluate",
    says: "score benchmark tasks as lm-eval does, with and without drops",
    takes: { "<model>": MODEL },
    options: { ...planFiles(), ...dropLists, ...studies.evaluate.checks, ...studyOptions("evaluate") },
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

export const predicting = [perplexityCommand];
