/** The studies of one model: profile, perplexity. */
import { Command, Option } from "commander";
import { type DropPlan, isFull, noDrop } from "../result/mod.ts";
import {
  againstRows,
  againstTable,
  estimateText,
  perplexityRows,
  perplexityTable,
  profileRows,
} from "../show/mod.ts";
import {
  againstLlmDrop,
  estimate,
  perplexities,
  perplexityShards,
  profile,
  profileShards,
  type StudyOptions,
} from "../study/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Context, markedProfile, studyOptions, withModel } from "./context.ts";
import {
  type DropFlags,
  dropOf,
  MODEL,
  type StudyFlags,
  wantedOf,
  withDropFlags,
  withStudyFlags,
} from "./options.ts";
import { explained } from "./help.ts";
import { deliver, outputOf } from "./outlet.ts";
import { expectWhole, isShared } from "./sharing.ts";

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
      const drop = dropOf(model, wanted);
      const options = studyOptions(context, flags);
      if (flags.dryRun) return await printEstimate(context, model, [drop], false, options);
      if (flags.against) {
        expectWhole(context, "a comparison with llm-drop");
        const against = await againstLlmDrop(model, options);
        const table = () => againstTable(against, context.look);
        const done = `${model.name} compared with llm-drop`;
        return await deliver(
          context,
          flags,
          outputOf(against, { table, rows: () => againstRows(against), done }),
        );
      }
      if (await isShared(context, options, () => profileShards(model, { ...options, drop }))) return;
      const result = await profile(model, { ...options, drop });
      const table = () => markedProfile(context, result, flags.all);
      const done = `profile of ${model.name}`;
      await deliver(context, flags, outputOf(result, { table, rows: () => profileRows(result), done }));
    });
  });
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
      const options = studyOptions(context, flags);
      const plans = isFull(drop) ? [noDrop] : [noDrop, drop];
      if (flags.dryRun) return await printEstimate(context, model, plans, true, options);
      if (await isShared(context, options, () => perplexityShards(model, plans, options))) return;
      const results = await perplexities(model, plans, options);
      const table = () => perplexityTable(results, context.look);
      const done = `perplexity of ${model.name}`;
      const rows = () => perplexityRows(results);
      await deliver(context, flags, outputOf(results.at(-1)!, { table, rows, done }));
    });
  });
}

async function printEstimate(
  context: Context,
  model: StudyModel,
  plans: readonly DropPlan[],
  head: boolean,
  options: StudyOptions,
): Promise<void> {
  context.print(estimateText(model.name, plans.length, await estimate(model, plans, head, options)));
}
