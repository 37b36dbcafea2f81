/** Why modules are redundant: `lamina causes MODEL`. */
import { Command, Option } from "commander";
import { reportsOf, wholeNumber } from "../../entry/mod.ts";
import { studies } from "../../study/mod.ts";
import { openConfig, openSeries, type StudyModel } from "../../subject/mod.ts";
import { type Context, openOptions, studyOptions, withModel } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import {
  DROP_OPTIONS,
  type DropFlags,
  dropOf,
  MODEL,
  type StudyFlags,
  wantedOf,
  withDropFlags,
  withSeedFlag,
  withStudyFlags,
} from "../shared/options.ts";
import { reads, relate } from "../shared/relations.ts";
import { perform, shown } from "../shared/perform.ts";
import { openRunner } from "../shared/sharing.ts";

interface Flags extends StudyFlags, DropFlags {
  step?: number;
  untrained: boolean;
}

export function causesCommand(context: Context): Command {
  const command = new Command("causes")
    .description("measure attention patterns, smoothing, update sizes and effects, beside importance")
    .argument("<model>", `${MODEL}; with --untrained, a configuration as for \`lamina random-init\``)
    .addOption(
      new Option("--query-stride <k>", "compute attention patterns from every k-th query").default(1),
    )
    .addOption(
      new Option(
        "--effect-samples <n>",
        "samples for the effect of each drop on later layers (about one pass per layer); 0 skips it",
      ).default(2),
    )
    .addOption(
      new Option(
        "--predictability-samples <n>",
        "samples for the share of each update that a linear function of its own token gives; 0 skips it",
      ).default(0),
    )
    .option(
      "--step <n>",
      "treat <model> as a training series, as `lamina checkpoints` does, and use this step",
      reads(wholeNumber(0)),
    )
    .option(
      "--untrained",
      "use random weights of the model's shape, and random words drawn by Zipf's law",
      false,
    );
  explained(command, "causes smollm2-135m --samples 4");
  withSeedFlag(withStudyFlags(withDropFlags(command)), "untrained");
  relate(command, studies.causes.checks);
  relate(command, {
    untrained: { excludes: ["step", "text", "bos", ...DROP_OPTIONS] },
    skip: { excludes: ["untrained"] },
  });
  return command.action(async (ref: string, flags: Flags) => {
    const { step } = flags;
    const options = studyOptions(context, flags, studies.causes);
    await openRunner(context, flags);
    const wanted = await wantedOf(flags);
    if (flags.untrained) {
      const named = await openConfig(ref, openOptions(context, flags));
      const study = studies["untrained-causes"];
      const faces = shown(context, named.name, { done: `causes in ${named.name}` });
      return await perform(context, flags, study, [named, studyOptions(context, flags, study)], faces);
    }
    const measure = (model: StudyModel) =>
      perform(
        context,
        flags,
        studies.causes,
        [model, { ...options, drop: dropOf(model, wanted) }],
        shown(context, model.name),
      );
    if (step === undefined) return await withModel(context, ref, flags, measure);
    const { checkpoints: [checkpoint] } = await openSeries(ref, {
      ...openOptions(context, flags),
      steps: [step],
    });
    const model = await checkpoint.open(reportsOf(options));
    try {
      await measure(model);
    } finally {
      model.close();
    }
  });
}
