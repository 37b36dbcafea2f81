/** Where dropping hurts while a model writes: `lamina generation`. */
import { Command, Option } from "commander";
import { DOCUMENTS, HELD_OUT_TEXT, PROMPT_TOKENS, studies, WRITTEN_TOKENS } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { GIVEN, given } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import {
  type DropLists,
  MODEL,
  plansIn,
  type StudyFlags,
  withDropLists,
  withEngineFlags,
  withKeepingFlags,
  withPriceFlags,
  withTextFlags,
} from "../shared/options.ts";
import { withOutFlags } from "../shared/destination.ts";
import { relate, repeatable } from "../shared/relations.ts";
import { perform, shown } from "../shared/perform.ts";

interface GenerationFlags extends StudyFlags, DropLists {
  plan: string[];
  prompt: string[];
}

const MORE = `
The full model continues every prompt greedily, and so does each plan. At every
step the hidden states, logits and probabilities of each plan are compared with
the full model's: with both on the full model's text, then each on its own.
KL stands beside half the variance of the logits' change, to which it tends as
drops get small. With --task, probabilities are also compared at the questions
of a task of choices: over all tokens, and over the options alone.`;

export function generationCommand(context: Context): Command {
  const command = new Command("generation")
    .description("show where dropped modules move hidden states, logits and probabilities while writing")
    .argument("<model>", MODEL)
    .addOption(repeatable("--plan <file>", "a plan from `lamina plan` or `lamina repair`"))
    .addOption(
      repeatable("--prompt <text>", `a text to continue instead of blocks of --text; ${GIVEN}`, given),
    )
    .addOption(
      new Option("--tokens <n>", "maximum number of tokens written after each prompt").default(
        WRITTEN_TOKENS,
      ),
    )
    .addOption(
      new Option("--temperature <t>", "temperature of the compared probabilities; texts are written greedily")
        .default(1),
    )
    .option(
      "--task <name>",
      "a task of choices to compare at its questions too, for example arc_easy, or brackets, which needs no data",
    )
    .addOption(new Option("--limit <n>", "use only the first n documents of the task").default(DOCUMENTS))
    .addHelpText("after", MORE);
  explained(command, "generation smollm2-135m --drop-attention 26,28 --samples 4 --tokens 32");
  const sized = withTextFlags(withDropLists(command), { text: HELD_OUT_TEXT, length: PROMPT_TOKENS });
  const noText = { excludes: ["prompt"] };
  relate(sized, {
    ...studies.generation.checks,
    text: noText,
    samples: noText,
    length: noText,
    skip: noText,
  });
  return withOutFlags(withKeepingFlags(withPriceFlags(withEngineFlags(sized)))).action(
    async (ref: string, flags: GenerationFlags) => {
      const plans = await plansIn(flags);
      await withModel(context, ref, flags, async (model) => {
        const { prompt } = flags;
        const options = {
          ...studyOptions(context, flags, studies.generation),
          plans,
          ...prompt.length > 0 ? { prompts: prompt } : {},
        };
        await perform(context, flags, studies.generation, [model, options], shown(context, model.name));
      });
    },
  );
}
