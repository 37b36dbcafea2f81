/** The studies of one model: profile, perplexity, sweep. */
import { Command, Option } from "commander";
import { parts, within } from "../hub/mod.ts";
import { type DropPlan, noDrop } from "../run/mod.ts";
import {
  againstRows,
  againstTable,
  estimateText,
  perplexityRows,
  perplexityTable,
  profileRows,
  sweepRows,
  sweepTable,
} from "../show/mod.ts";
import {
  againstLlmDrop,
  curvesOf,
  droppable,
  estimate,
  perplexities,
  profile,
  type StudyOptions,
  sweep,
  SWEEP_STEPS,
  sweepEstimate,
  sweepSteps,
  type Target,
  weights,
} from "../study/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Context, markedProfile, studyOptions, withModel } from "./context.ts";
import {
  type DropFlags,
  dropOf,
  MODEL,
  type StudyFlags,
  wantedOf,
  wholeNumber,
  withDropFlags,
  withStudyFlags,
} from "./options.ts";
import { explained, STUDY } from "./help.ts";
import { deliver, outputOf } from "./outlet.ts";

/** Modules that can be dropped together. */
export const TARGETS: readonly Target[] = ["attention", "mlp", "block", "joint"];
/** Random orders of a sweep, from `--seed` on. */
const SEEDS = 3;

interface ProfileFlags extends StudyFlags, DropFlags {
  against?: "llm-drop";
  all: boolean;
}

export function profileCommand(context: Context): Command {
  const command = new Command("profile")
    .description("measure importance, size and sign of every module, in one pass")
    .argument("<model>", MODEL)
    .addOption(
      new Option("--against <code>", "show importance as the paper's official code has it, next to ours")
        .choices(["llm-drop"]),
    )
    .option("--all", "print every module, not only the ten least important of each kind", false);
  explained(command, "profile smollm2-135m --samples 4 --json profile.json", STUDY);
  return withDropFlags(withStudyFlags(command)).action(async (ref: string, flags: ProfileFlags) => {
    const wanted = await wantedOf(flags);
    if (flags.against && wanted.attention.length + wanted.mlp.length > 0) {
      throw new RangeError("Cannot compare with llm-drop: modules are dropped, expected the full model");
    }
    await withModel(context, ref, flags, async (model) => {
      const drop = dropOf(model, wanted);
      const options = studyOptions(context, flags);
      if (flags.dryRun) return await printEstimate(context, model, [drop], false, options);
      if (flags.against) {
        const against = await againstLlmDrop(model, options);
        const table = () => againstTable(against, context.look);
        const done = `${model.name} compared with llm-drop`;
        return await deliver(
          context,
          flags,
          outputOf(against, { table, rows: () => againstRows(against), done }),
        );
      }
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
      "measure how well the model predicts a text, with modules dropped, compared with the full model",
    )
    .argument("<model>", MODEL);
  explained(command, "perplexity smollm2-135m --drop-attention 25,26", STUDY);
  return withDropFlags(withStudyFlags(command)).action(async (ref: string, flags: StudyFlags & DropFlags) => {
    const wanted = await wantedOf(flags);
    await withModel(context, ref, flags, async (model) => {
      const drop = dropOf(model, wanted);
      const options = studyOptions(context, flags);
      const plans = drop.attention.length + drop.mlp.length > 0 ? [noDrop, drop] : [noDrop];
      if (flags.dryRun) return await printEstimate(context, model, plans, true, options);
      const results = await perplexities(model, plans, options);
      const table = () => perplexityTable(results, context.look);
      const done = `perplexity of ${model.name}`;
      const rows = () => perplexityRows(results);
      await deliver(context, flags, outputOf(results.at(-1)!, { table, rows, done }));
    });
  });
}

interface SweepFlags extends StudyFlags {
  target: Target;
  upto?: number;
  calibrationSamples: number;
  calibrationLength: number;
  calibrationText?: string;
}

export function sweepCommand(context: Context): Command {
  const command = new Command("sweep")
    .description("measure quality against the number of modules dropped, by importance and in other orders")
    .argument("<model>", MODEL)
    .addOption(new Option("--target <kind>", "what to drop").choices([...TARGETS]).default("attention"))
    .option(
      "--upto <n>",
      `drop up to this many (default: ${SWEEP_STEPS.at(-1)}, or all there are)`,
      wholeNumber(0),
    )
    .option(
      "--calibration-samples <n>",
      "blocks of text for the profile that gives the orders",
      wholeNumber(1),
      8,
    )
    .option("--calibration-length <t>", "tokens in each of those blocks", wholeNumber(2), 512)
    .option("--calibration-text <file|name>", "text of those blocks (default: stories)");
  explained(command, "sweep smollm2-135m --target attention --upto 8", STUDY);
  return withStudyFlags(command).action(async (ref: string, flags: SweepFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const options = studyOptions(context, flags);
      const most = droppable(model.spec, flags.target);
      if (flags.upto !== undefined && flags.upto > most) {
        throw new RangeError(`Cannot drop up to ${flags.upto} of ${flags.target}: the model has ${most}`);
      }
      const steps = flags.upto === undefined ? SWEEP_STEPS : sweepSteps(flags.upto);
      const curves = curvesOf(flags.target, SEEDS, flags.seed);
      const calibration: StudyOptions = {
        ...options,
        samples: flags.calibrationSamples,
        length: flags.calibrationLength,
        skip: 0,
        ...flags.calibrationText === undefined ? {} : { text: flags.calibrationText },
      };
      if (flags.dryRun) {
        const price = await sweepEstimate(model, curves, steps, calibration, options);
        return context.print(estimateText(model.name, price.plans, price));
      }
      const stage = parts(
        null,
        weights.sweep(model, curves, steps, calibration, options),
        options.onProgress,
      );
      const importance = await profile(model, within(calibration, stage(0)));
      const result = await sweep(model, importance, curves, steps, within(options, stage(1)));
      const table = () => sweepTable(result, context.look);
      const done = `sweep of ${model.name}`;
      await deliver(context, flags, outputOf(result, { table, rows: () => sweepRows(result), done }));
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
