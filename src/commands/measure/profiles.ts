/** Commands that measure modules: profile, causes, random-init, checkpoints. */
import { Command } from "commander";
import { flag, list, oneOf, option, related, reportsOf, under, wholeNumber } from "../../entry/mod.ts";
import { againstLlmDrop, HELD_OUT_TEXT, LENGTH, SAMPLES, studies, studyChecks } from "../../study/mod.ts";
import { openConfig, openSeries, type StudyModel } from "../../subject/mod.ts";
import { type Context, openOptions, optionsIn, withModel } from "../shared/context.ts";
import { GIVEN } from "../shared/given.ts";
import { explained, modelCommand } from "../shared/help.ts";
import {
  DROP_OPTIONS,
  type DropFlags,
  dropOf,
  dropOptions,
  MODEL,
  type StudyFlags,
  wantedOf,
  withStudyOptions,
} from "../shared/options.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { perform, running, shown } from "../shared/perform.ts";
import { expectWhole, openRunner } from "../shared/sharing.ts";

interface ProfileFlags extends StudyFlags, DropFlags {
  readonly against?: "llm-drop";
  readonly all?: boolean;
}

export function profileCommand(context: Context): Command {
  const command = modelCommand(
    "profile",
    "measure importance, magnitude and sign of every module",
    "smollm2-135m --samples 4 --json profile.json",
  );
  const against = option(
    oneOf(["llm-drop"]),
    "<code> compare with the importance that the paper's official code computes",
  );
  const all = option(flag, "print every module, not only the ten least important of each kind");
  withStudyOptions(command, {
    against: related(against, { excludes: DROP_OPTIONS }),
    all: related(all, { excludes: ["against"] }),
    ...dropOptions,
    ...studies.profile.checks,
  });
  const profiling = running(context, studies.profile, async (flags: ProfileFlags) => {
    const wanted = await wantedOf(flags);
    return (model) => ({ drop: dropOf(model, wanted) });
  }, ({ all }) => ({ all }));
  return command.action(async (ref: string, flags: ProfileFlags) => {
    if (!flags.against || flags.dryRun) return await profiling(ref, flags);
    await withModel(context, ref, flags, async (model) => {
      expectWhole(context, "a comparison with llm-drop");
      const result = await againstLlmDrop(model, optionsIn(context, flags, { checks: studyChecks }));
      const done = `${model.name} compared with llm-drop`;
      await deliver(context, flags, outputOf(context, result, { done }));
    });
  });
}

interface CausesFlags extends StudyFlags, DropFlags {
  readonly step?: number;
  readonly untrained?: boolean;
}

export function causesCommand(context: Context): Command {
  const command = new Command("causes")
    .description("measure attention patterns, smoothing, update sizes and effects, beside importance")
    .argument("<model>", `${MODEL}; with --untrained, a configuration as for \`lamina random-init\``);
  explained(command, "causes smollm2-135m --samples 4");
  withStudyOptions(command, {
    ...dropOptions,
    ...studies.causes.checks,
    step: option(
      wholeNumber(0),
      "<n> treat <model> as a training series, as `lamina checkpoints` does, and use this step",
    ),
    untrained: related(
      option(flag, "use random weights of the model's shape, and random words drawn by Zipf's law"),
      { excludes: ["step", "text", "skip", "bos", ...DROP_OPTIONS] },
    ),
    ...under("Run:", { seed: related(option(wholeNumber(0), "<n> random seed", 0), { needs: "untrained" }) }),
  });
  return command.action(async (ref: string, flags: CausesFlags) => {
    await openRunner(context, flags);
    const wanted = await wantedOf(flags);
    if (flags.untrained) {
      const named = await openConfig(ref, openOptions(context, flags));
      const study = studies["untrained-causes"];
      const options = { samples: SAMPLES, length: LENGTH, ...optionsIn(context, flags, study) };
      const faces = shown(context, named.name, { done: `causes in ${named.name}` });
      return await perform(context, flags, study, [named, options], faces);
    }
    const options = optionsIn(context, flags, studies.causes);
    const measure = (model: StudyModel) => {
      const drop = dropOf(model, wanted);
      const faces = shown(context, model.name);
      return perform(context, flags, studies.causes, [model, { ...options, drop }], faces);
    };
    if (flags.step === undefined) return await withModel(context, ref, flags, measure);
    const steps = [flags.step];
    const { checkpoints: [checkpoint] } = await openSeries(ref, { ...openOptions(context, flags), steps });
    using model = await checkpoint.open(reportsOf(options));
    await measure(model);
  });
}

export function randomInitCommand(context: Context): Command {
  const command = new Command("random-init")
    .description("measure the importance of every module before training, from a config alone")
    .argument("<config>", "a name in data/configs, a config.json, a folder with one, or any model");
  explained(command, "random-init llama-2-7b --layers 8 --hidden 512 --seeds 3");
  const study = studies["random-init"];
  return withStudyOptions(command, study.checks).action(async (ref: string, flags: StudyFlags) => {
    await openRunner(context, flags);
    const named = await openConfig(ref, openOptions(context, flags));
    const faces = shown(context, named.name, { done: `${named.name} with random weights` });
    await perform(context, flags, study, [named, optionsIn(context, flags, study)], faces);
  });
}

interface SeriesFlags extends StudyFlags {
  readonly steps?: number[];
  /** A text, or true where the flag stands alone. */
  readonly quality?: string | true;
}

export function checkpointsCommand(context: Context): Command {
  const command = new Command("checkpoints")
    .description("measure the importance of every module at each checkpoint of a training run")
    .argument(
      "<series>",
      "folder with series.json or checkpoint folders (step1000, checkpoint-500), or owner/name on the hub with one " +
        "branch or tag per checkpoint (weights are streamed and never stored)",
    );
  explained(command, "checkpoints data/series/pre-ln --quality");
  withStudyOptions(command, {
    steps: option(
      list(wholeNumber(0), "steps"),
      `<list> steps to measure, for example 0,512,1000; ${GIVEN}`,
      "at most twelve, log-spaced",
    ),
    ...studies.checkpoints.checks,
  });
  return command.action(async (ref: string, { quality: typed, ...flags }: SeriesFlags) => {
    await openRunner(context, flags);
    const series = await openSeries(ref, { ...openOptions(context, flags), steps: flags.steps });
    const quality = typed === true ? HELD_OUT_TEXT : typed;
    const steps = series.checkpoints.map(({ step }) => step).join(", ");
    const count = `${series.checkpoints.length} checkpoints`;
    const faces = shown(context, `${series.name}, ${count} (${steps})`, { done: `${series.name}, ${count}` });
    const options = { ...optionsIn(context, flags, studies.checkpoints), quality };
    await perform(context, flags, studies.checkpoints, [series, options], {
      ...faces,
      price: (price) => `${faces.price(price)}, without reading the weights`,
    });
  });
}
