/** Commands that measure modules: profile, causes, random-init, checkpoints, and those that studies declare whole. */
import type { Command } from "commander";
import { flag, list, option, reportsOf, under, wholeNumber } from "../../entry/mod.ts";
import { isFull, noDrop } from "../../measure/mod.ts";
import type { Kind } from "../../result/mod.ts";
import type { Result } from "../../show/mod.ts";
import { HELD_OUT_TEXT, LENGTH, type RunOptions, SAMPLES, studies, type Study } from "../../study/mod.ts";
import { openConfig, openSeries, type StudyModel } from "../../subject/mod.ts";
import { type Context, openOptions, optionsIn, withModel } from "../shared/context.ts";
import { GIVEN } from "../shared/given.ts";
import { declared } from "../shared/declare.ts";
import { DROP_OPTIONS, type DropFlags, dropOf, dropOptions, planLists, wantedOf } from "../shared/drops.ts";
import { type Flags, MODEL, studyOptions } from "../shared/options.ts";
import { listText, outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";
import type { Table } from "../shared/relations.ts";
import { openRunner } from "../shared/sharing.ts";

/** Flags behind the model in the example of a study's command, and options that the study does not have. */
const MORE: Readonly<Record<string, readonly [flags: string, options?: Table]>> = {
  profile: ["--samples 4 --json profile.json", {
    all: option(flag, "print every module, not only the ten least important of each kind"),
  }],
  perplexity: ["--drop-attention 25,26"],
  depth: ["--samples 4"],
};

/** The command of a study that says itself what it does: with the study's options, a plan to drop, or several models, where it has them. */
const plainCommand = (name: string, study: Study<StudyModel, RunOptions, Result>) => (context: Context) => {
  const { says = "", isForSeveral = false, checks } = study;
  const [flags = "", added] = MORE[name] ?? [];
  const example = `${name} smollm2-135m ${flags}`.trim();
  const [drops, isOfPlans] = ["drop" in checks, "plans" in checks];
  const planned = isOfPlans ? planLists() : drops ? dropOptions : {};
  const options = { ...added, ...planned, ...checks, ...studyOptions(name as Kind) };
  const takes = isForSeveral
    ? { "<models...>": `${MODEL}; --json of several is a list, --figure shows all` }
    : { "<model>": MODEL };
  return declared({ name, says, takes, options, example }, async (
    given: string | string[],
    flags: Flags & DropFlags<string | string[] | undefined> & { readonly all?: boolean },
  ) => {
    const refs = [given].flat();
    if (refs.length > 1 && context.sharing !== null) {
      throw new RangeError(`Cannot divide ${name} of several models: run it on one machine`);
    }
    const { json: _, csv: __, figure: ___, ...unwritten } = flags;
    const files = isOfPlans && flags.plan?.length === 0 ? [undefined] : [flags.plan].flat();
    const wanted = await Promise.all(files.map((plan) => wantedOf({ ...flags, plan })));
    // A plan from a file says what its scores and repairs were measured on.
    const plansIn = (model: StudyModel) => [
      noDrop,
      ...wanted.map((one) => ({ ...one.plan, ...dropOf(model, one) })).filter((plan) => !isFull(plan)),
    ];
    const all: Result[] = [];
    const among = { count: refs.length, estimates: [] };
    for (const [i, ref] of refs.entries()) {
      const own: Flags = flags.dryRun || i === refs.length - 1 ? flags : unwritten;
      await withModel(context, ref, flags, async (model) => {
        const plan = isOfPlans ? { plans: plansIn(model) } : drops ? { drop: dropOf(model, wanted[0]) } : {};
        await perform(context, own, study, [model, { ...optionsIn(context, flags, study), ...plan }], {
          ...{ ...shown(context, model.name), among },
          output(result, done) {
            if (!isForSeveral) return outputOf(context, result, { done, all: flags.all });
            all.push(result);
            const json = () => listText(all);
            return all.length < refs.length ? { json, done } : { ...outputOf(context, all, { done }), json };
          },
        });
      });
    }
  });
};

type CausesFlags = Flags & DropFlags & { readonly step?: number; readonly untrained?: boolean };

const causesCommand = (context: Context): Command =>
  declared({
    name: "causes",
    says: "measure attention patterns, smoothing, update sizes and effects, beside importance",
    takes: { "<model>": `${MODEL}; with --untrained, a configuration as for \`lamina random-init\`` },
    options: {
      ...dropOptions,
      ...studies.causes.checks,
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

const randomInitCommand = (context: Context): Command =>
  declared({
    name: "random-init",
    says: "measure the importance of every module before training, from a config alone",
    takes: { "<config>": "a name in data/configs, a config.json, a folder with one, or any model" },
    options: { ...studies["random-init"].checks, ...studyOptions("random-init") },
    example: "random-init llama-2-7b --layers 8 --hidden 512 --seeds 3",
  }, async (ref: string, flags: Flags) => {
    const study = studies["random-init"];
    await openRunner(context, flags);
    const named = await openConfig(ref, openOptions(context, flags));
    const faces = shown(context, named.name, { done: `${named.name} with random weights` });
    await perform(context, flags, study, [named, optionsIn(context, flags, study)], faces);
  });

/** `quality` is a text, or true where the flag stands alone. */
type SeriesFlags = Flags & { readonly steps?: number[]; readonly quality?: string | true };

const checkpointsCommand = (context: Context): Command =>
  declared({
    name: "checkpoints",
    says: "measure the importance of every module at each checkpoint of a training run",
    takes: {
      "<series>":
        "folder with series.json or checkpoint folders (step1000, checkpoint-500), or owner/name on the hub with one " +
        "branch or tag per checkpoint (weights are streamed and never stored)",
    },
    options: {
      steps: option(
        list(wholeNumber(0), "steps"),
        `<list> steps to measure, for example 0,512,1000; ${GIVEN}`,
        "at most twelve, log-spaced",
      ),
      ...studies.checkpoints.checks,
      ...studyOptions("checkpoints"),
    },
    example: "checkpoints data/series/pre-ln --quality",
  }, async (ref: string, { quality: typed, ...flags }: SeriesFlags) => {
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

const plain = Object.entries<unknown>(studies).flatMap(([name, value]) => {
  const study = value as Study<StudyModel, RunOptions, Result>;
  return study.says === undefined ? [] : [[name, plainCommand(name, study)] as const];
});
const { profile, depth, perplexity, ...others } = Object.fromEntries(plain);
export const profileCommand = profile;
export const predicting = [perplexity, depth];

export const measuring = [causesCommand, checkpointsCommand, randomInitCommand, ...Object.values(others)];
