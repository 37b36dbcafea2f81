/** Benchmark tasks, with modules dropped, compared with the full model. */
import { Command, Option } from "commander";
import { noDrop } from "../../measure/mod.ts";
import { ACCURACY_MARGIN, type Evaluation, resultText } from "../../result/mod.ts";
import { evaluatePriceText } from "../../show/mod.ts";
import { PROMPTS, SHOTS_SEED, studies } from "../../study/mod.ts";
import { suites, taskGroups, taskNames } from "../../tasks/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { withOutFlags } from "../shared/destination.ts";
import { GIVEN, taskList } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import {
  DROP_OPTIONS,
  type DropLists,
  MODEL,
  plansIn,
  type StudyFlags,
  withDropLists,
  withEngineFlags,
  withKeepingFlags,
  withPriceFlags,
} from "../shared/options.ts";
import { outputOf } from "../shared/outlet.ts";
import { relate, repeatable } from "../shared/relations.ts";
import { perform } from "../shared/perform.ts";

interface EvaluateFlags extends StudyFlags, DropLists {
  tasks?: string[];
  suite?: string;
  plan: string[];
}

const DEFAULT_TASKS = ["piqa", "arc_easy", "openbookqa"];
const named = taskNames.filter((name) => !name.startsWith("mmlu_"));

export function evaluateCommand(context: Context): Command {
  const command = new Command("evaluate")
    .description("score benchmark tasks as lm-eval does, with and without the dropped modules")
    .argument("<model>", MODEL)
    .option(
      "--tasks <names>",
      `tasks, for example piqa,mmlu_anatomy; arithmetic, brackets, induction and passkey_… are made here and need no data, and a passkey's text may have any length; ${GIVEN} (default: ${
        DEFAULT_TASKS.join(",")
      }); choose from ${named.join(", ")}, ` +
        `mmlu_SUBJECT, ${Object.keys(taskGroups).join(", ")}`,
      taskList,
    )
    .addOption(
      new Option("--suite <name>", "a paper's tasks with its numbers of shots, instead of --tasks")
        .choices(Object.keys(suites)),
    )
    .option("--shots <k>", "number of few-shot examples (default: the task's own, mostly 0)")
    .option("--limit <n>", "use only the first n documents of each task (default: all)")
    .addOption(
      new Option(
        "--bos <rule>",
        "when to start texts with BOS; tokenizer follows the tokenizer's files, never is the paper's setting",
      )
        .choices(["tokenizer", "never", "always"]).default("tokenizer"),
    )
    .option(
      "--margin <share>",
      "largest loss of accuracy that counts as equivalent, for example 0.01 or 1% for one point",
      `${ACCURACY_MARGIN}`,
    )
    .addOption(
      new Option("--prompts <n>", "number of prompts that each plan continues in writing; 0 skips it")
        .default(PROMPTS),
    )
    .addOption(repeatable("--plan <file>", "a plan from `lamina plan` or `lamina repair`"))
    .addOption(new Option("--seed <n>", "seed of the few-shot examples").default(SHOTS_SEED));
  relate(command, studies.evaluate.checks);
  relate(command, {
    suite: { excludes: ["tasks"] },
    margin: { needs: DROP_OPTIONS },
  });
  explained(command, "evaluate smollm2-135m --tasks piqa --limit 100 --drop-attention 25");
  return withOutFlags(withKeepingFlags(withPriceFlags(withEngineFlags(withDropLists(command))))).action(
    async (ref: string, flags: EvaluateFlags) => {
      const plans = await plansIn(flags);
      await withModel(context, ref, flags, async (model) => {
        const { tasks = flags.suite === undefined ? DEFAULT_TASKS : undefined } = flags;
        const options = {
          ...studyOptions(context, flags, studies.evaluate),
          tasks,
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
    },
  );
}

/** The text of the result of one plan, or of a list of the results of several. */
function evaluationText(results: readonly Evaluation[]): string {
  const texts = results.map((result) => resultText(result, 1));
  return texts.length === 1 ? texts[0] : `[\n${texts.map((text) => text.trimEnd()).join(",\n")}\n]\n`;
}
