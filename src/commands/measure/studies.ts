/** The studies of one model: profile, perplexity. */
import { Command, Option } from "commander";
import { isFull, noDrop } from "../../measure/mod.ts";
import { againstLlmDrop, studies, type StudyOptions } from "../../study/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import {
  type DropFlags,
  dropOf,
  MODEL,
  type StudyFlags,
  wantedOf,
  withDropFlags,
  withStudyFlags,
} from "../shared/options.ts";
import { explained } from "../shared/help.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";
import { expectWhole } from "../shared/sharing.ts";

interface ProfileFlags extends StudyFlags, DropFlags {
  against?: "llm-drop";
  all: boolean;
}

export function profileCommand(context: Context): Command {
  const command = new Command("profile")
    .description("measure the importance, magnitude and sign of every module in one pass")
    .argument("<model>", MODEL)
    .addOption(
      new Option("--against <code>", "compare with the importance that the paper's official code computes")
        .choices(["llm-drop"]),
    )
    .option("--all", "print every module, not only the ten least important of each kind", false);
  explained(command, "profile smollm2-135m --samples 4 --json profile.json");
  return withStudyFlags(withDropFlags(command)).action(async (ref: string, flags: ProfileFlags) => {
    const wanted = await wantedOf(flags);
    if (flags.against && !isFull(wanted)) {
      throw new RangeError("Cannot compare with llm-drop: modules are dropped, expected the full model");
    }
    await withModel(context, ref, flags, async (model) => {
      const options = studyOptions(context, flags);
      if (flags.against && !flags.dryRun) return await against(context, model, options, flags);
      await perform(
        context,
        flags,
        studies.profile,
        [model, { ...options, drop: dropOf(model, wanted) }],
        shown(context, model.name, `profile of ${model.name}`, { all: flags.all }),
      );
    });
  });
}

/** Compares with the official code. */
async function against(context: Context, model: StudyModel, options: StudyOptions, flags: ProfileFlags) {
  expectWhole(context, "a comparison with llm-drop");
  const result = await againstLlmDrop(model, options);
  const done = `${model.name} compared with llm-drop`;
  await deliver(context, flags, outputOf(context, result, { done }));
}

export function perplexityCommand(context: Context): Command {
  const command = new Command("perplexity")
    .description(
      "measure how well the model predicts a text, with and without the dropped modules",
    )
    .argument("<model>", MODEL);
  explained(command, "perplexity smollm2-135m --drop-attention 25,26");
  return withStudyFlags(withDropFlags(command)).action(async (ref: string, flags: StudyFlags & DropFlags) => {
    const wanted = await wantedOf(flags);
    await withModel(context, ref, flags, async (model) => {
      const drop = dropOf(model, wanted);
      const plans = isFull(drop) ? [noDrop] : [noDrop, drop];
      await perform(
        context,
        flags,
        studies.perplexity,
        [model, { ...studyOptions(context, flags), plans }],
        shown(context, model.name, `perplexity of ${model.name}`),
      );
    });
  });
}
