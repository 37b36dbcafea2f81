/** Commands that measure what dropping costs in predictions: perplexity, evaluate, generation. */
import type { Command } from "commander";
import { isFull, noDrop } from "../../measure/mod.ts";
import { type Evaluation, resultText } from "../../result/mod.ts";
import { evaluatePriceText } from "../../show/mod.ts";
import { DEFAULT_TASKS, studies } from "../../study/mod.ts";
import { type Context, optionsIn, withModel } from "../shared/context.ts";
import { GIVEN, given } from "../shared/given.ts";
import { modelCommand } from "../shared/help.ts";
import {
  DROP_OPTIONS,
  type DropFlags,
  dropLists,
  dropOptions,
  planFiles,
  planOf,
  plansIn,
  type StudyFlags,
  wantedOf,
  withStudyOptions,
} from "../shared/options.ts";
import { outputOf } from "../shared/outlet.ts";
import { perform, running } from "../shared/perform.ts";
import { relate, repeatable } from "../shared/relations.ts";

export function perplexityCommand(context: Context): Command {
  const command = modelCommand(
    "perplexity",
    "measure how well the model predicts a text, with and without the dropped modules",
    "smollm2-135m --drop-attention 25,26",
  );
  withStudyOptions(command, { ...dropOptions, ...studies.perplexity.checks });
  return command.action(running(context, studies.perplexity, async (flags: StudyFlags & DropFlags) => {
    const wanted = await wantedOf(flags);
    return (model) => {
      const plan = planOf(model, wanted);
      return { plans: isFull(plan) ? [noDrop] : [noDrop, plan] };
    };
  }));
}

interface EvaluateFlags extends StudyFlags, DropFlags<string[]> {
  readonly tasks?: string[];
  readonly suite?: string;
}

export function evaluateCommand(context: Context): Command {
  const command = modelCommand(
    "evaluate",
    "score benchmark tasks as lm-eval does, with and without drops",
    "smollm2-135m --tasks piqa --limit 100 --drop-attention 25",
  ).addOption(planFiles());
  withStudyOptions(command, { ...dropLists, ...studies.evaluate.checks });
  relate(command, { suite: { excludes: ["tasks"] }, margin: { needs: DROP_OPTIONS } });
  return command.action(async (ref: string, flags: EvaluateFlags) => {
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
          json: () => evaluationText(plans.length === 0 ? results : results.slice(1)),
        }),
      });
    });
  });
}

/** The text of the result of one plan, or of a list of the results of several. */
function evaluationText(results: readonly Evaluation[]): string {
  const texts = results.map((result) => resultText(result, 1));
  return texts.length === 1 ? texts[0] : `[\n${texts.map((text) => text.trimEnd()).join(",\n")}\n]\n`;
}

interface GenerationFlags extends StudyFlags, DropFlags<string[]> {
  readonly prompt: string[];
}

const MORE = `
The full model continues every prompt greedily, and so does each plan. At every
step the hidden states, logits and probabilities of each plan are compared with
the full model's: with both on the full model's text, then each on its own.
KL stands beside half the variance of the logits' change, to which it tends as
drops get small. With --task, probabilities are also compared at the questions
of a task of choices: over all tokens, and over the options alone.`;

export function generationCommand(context: Context): Command {
  const command = modelCommand(
    "generation",
    "show where dropped modules move hidden states, logits and probabilities while writing",
    "smollm2-135m --drop-attention 26,28 --samples 4 --tokens 32",
  )
    .addHelpText("after", MORE)
    .addOption(planFiles())
    .addOption(
      repeatable("--prompt <text>", `a text to continue instead of blocks of --text; ${GIVEN}`, given),
    );
  withStudyOptions(command, { ...dropLists, ...studies.generation.checks });
  const noText = { excludes: ["prompt"] };
  relate(command, { text: noText, samples: noText, length: noText, skip: noText });
  return command.action(
    running(context, studies.generation, async (flags: GenerationFlags) => {
      const plans = await plansIn(flags);
      return () => ({ plans, ...flags.prompt.length > 0 ? { prompts: flags.prompt } : {} });
    }),
  );
}
