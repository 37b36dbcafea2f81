import { flag, option, reportsOf, under, wholeNumber } from "core/entry/mod.ts";
import { LENGTH, SAMPLES } from "core/study/options.ts";
import { causesStudy, untrainedCausesStudy } from "./study.ts";
import { openConfig, openSeries, type StudyModel } from "core/subject/mod.ts";
import { type Context, openOptions, optionsIn, withModel } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { DROP_OPTIONS, type DropFlags, dropOf, dropOptions, wantedOf } from "core/command/drops.ts";
import { type Flags, MODEL, studyOptions } from "core/command/options.ts";
import { perform, shown } from "core/command/perform.ts";
import { openRunner } from "core/command/sharing.ts";

type CausesFlags = Flags & DropFlags & { readonly step?: number; readonly untrained?: boolean };

const causesCommand = (context: Context) =>
  declared({
    name: "causes",
    says: "measure attention patterns, smoothing, update sizes and effects, beside importance",
    takes: { "<model>": `${MODEL}; with --untrained, a configuration as for \`lamina random-init\`` },
    options: {
      ...dropOptions,
      ...causesStudy.checks,
      step: option(
        wholeNumber(0),
        "<n> treat <model> as a training series, as `lamina checkpoints` does, and use this step",
      ),
      untrained: option(
        flag,
        "use random weights of the model's shape, and random words drawn by Zipf's law",
      ),
      ...under("Run:", { seed: option(wholeNumber(0), "<n> random seed", 0) }),
      ...studyOptions("causes"),
    },
    relations: {
      untrained: { excludes: ["step", "text", "skip", "bos", ...DROP_OPTIONS] },
      seed: { needs: "untrained" },
    },
    example: "causes smollm2-135m --samples 4",
  }, async (ref: string, flags: CausesFlags) => {
    await openRunner(context, flags);
    const wanted = await wantedOf(flags);
    if (flags.untrained) {
      const named = await openConfig(ref, openOptions(context, flags));
      const study = untrainedCausesStudy;
      const options = { samples: SAMPLES, length: LENGTH, ...optionsIn(context, flags, study) };
      const faces = shown(context, named.name, { done: `causes in ${named.name}` });
      return await perform(context, flags, study, [named, options], faces);
    }
    const options = optionsIn(context, flags, causesStudy);
    const measure = (model: StudyModel) => {
      const drop = dropOf(model, wanted);
      const faces = shown(context, model.name);
      return perform(context, flags, causesStudy, [model, { ...options, drop }], faces);
    };
    if (flags.step === undefined) return await withModel(context, ref, flags, measure);
    const steps = [flags.step];
    const { checkpoints: [checkpoint] } = await openSeries(ref, { ...openOptions(context, flags), steps });
    using model = await checkpoint.open(reportsOf(options));
    await measure(model);
  });

export const commands = { "Measure:": [causesCommand] };
