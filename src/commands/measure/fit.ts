/** `lamina fit MODEL`: how much may go at a loss that one accepts, or at what loss so much goes. */
import { Command, Option } from "commander";
import { type RepairName, REPAIRS } from "../../measure/mod.ts";
import { type Fit, ORDERS, PAPER_SCORE } from "../../result/mod.ts";
import { AIM_SHARES, type FitOptions, planTensors, type RankTarget, studies } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { isStandardOutput, writesPlan } from "../shared/destination.ts";
import { keepFit, nextText } from "../shared/fitted.ts";
import { taskList } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import {
  type CalibrationFlags,
  type ConstraintFlags,
  constraintsIn,
  MODEL,
  namesAmong,
  positive,
  randomAmong,
  REMOVING,
  share,
  type StudyFlags,
  wholeNumber,
  withCalibrationFlags,
  withConstraintFlags,
  withSeedFlag,
  withStudyFlags,
  withUnchecked,
} from "../shared/options.ts";
import { relate } from "../shared/relations.ts";
import { outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";

const TARGETS: readonly RankTarget[] = ["attention", "mlp", "joint", "block"];

interface FitFlags extends
  CalibrationFlags,
  StudyFlags,
  ConstraintFlags,
  Pick<
    FitOptions,
    "loss" | "perplexity" | "accuracy" | "parameters" | "kvBytes" | "speed" | "tasks" | "limit" | "context"
  > {
  targets?: RankTarget[];
  by?: FitOptions["by"];
  repair?: RepairName[];
  saving: "parameters" | "kv-bytes";
  seed: number;
  time: boolean;
  unchecked?: true;
}

export function fitCommand(context: Context): Command {
  const command = new Command("fit")
    .description(
      "find the largest plan that keeps a promise, such as at most 0.01 nats per token, and confirm it",
    )
    .argument("<model>", MODEL);
  withAimFlags(command)
    .optionsGroup("Search:")
    .option(
      "--targets <kinds>",
      `modules to drop, from: ${TARGETS.join(", ")} (default: attention, mlp, joint)`,
      namesAmong(TARGETS),
    )
    .option(
      "--by <orders>",
      `orders to try, from: ${ORDERS.join(", ")} (default: ${PAPER_SCORE})`,
      namesAmong(ORDERS),
    )
    .option(
      "--repair <repairs>",
      `repairs to try where the bare drop breaks the promise, from: ${REPAIRS.join(", ")}`,
      namesAmong(REPAIRS),
    )
    .addOption(
      new Option("--saving <what>", "what makes a plan the larger one").choices(["parameters", "kv-bytes"])
        .default("parameters"),
    )
    .option("--no-time", "do not measure how fast the answer reads and writes");
  withUnchecked(command, REMOVING);
  withCalibrationFlags(command);
  relate(command, studies.fit.checks);
  explained(command, "fit smollm2-135m --perplexity 10%");
  withSeedFlag(withStudyFlags(withConstraintFlags(command), { samples: 16 }), randomAmong(false));
  return writesPlan(command, ({ repair }) => repair !== undefined).action(
    async (ref: string, flags: FitFlags) => {
      await withModel(context, ref, flags, async (model) => {
        await perform(context, flags, studies.fit, [model, optionsOf(context, flags)], {
          ...shown(context, model.name),
          async output(result, done) {
            const fit = result as Fit;
            const { json } = flags;
            const file = json && !isStandardOutput(json) ? json : null;
            const output = outputOf(context, fit, { done });
            if (!fit.plan) return output;
            if (file) {
              const beside = await planTensors(file, fit.plan);
              return { ...output, beside, next: nextText(fit, ref, file) };
            }
            const kept = flags.cache ? await keepFit(fit, flags.results) : null;
            return kept === null ? output : { ...output, next: nextText(fit, ref, kept) };
          },
        });
      });
    },
  );
}

/** Adds the promises, of which one is made. */
function withAimFlags(command: Command): Command {
  return command.optionsGroup("One promise:")
    .option("--loss <nats>", "lose at most this many nats per token, such as 0.01", positive)
    .option(
      "--perplexity <rise>",
      "let the perplexity rise by at most this share, such as 5%",
      share(AIM_SHARES.perplexity),
    )
    .option("--accuracy <points>", "lose at most this many points of mean accuracy", positive)
    .option(
      "--parameters <n>",
      "save at least this many parameters, or a share such as 10%, as cheaply as possible",
      share(AIM_SHARES.parameters),
    )
    .option(
      "--kv-bytes <n>",
      "save at least this many bytes of KV cache, or a share such as 25%",
      share(AIM_SHARES.kvBytes),
    )
    .option(
      "--speed <factor>",
      "decode at least this many times as fast on this machine, such as 1.2",
      positive,
    )
    .option("--tasks <names>", "benchmark tasks, such as piqa,arc_easy", taskList)
    .option("--limit <n>", "documents of each task, of which half confirm (default: 200)", wholeNumber(4))
    .option("--context <t>", "sequence length, in tokens (default: 8192)", wholeNumber(1));
}

function optionsOf(context: Context, flags: FitFlags): FitOptions {
  const { loss, perplexity, accuracy, parameters, kvBytes, speed, tasks, limit, context: tokens } = flags;
  const { targets, by, repair, sequential, repairSamples, seed, saving, time, unchecked } = flags;
  const { calibrationSamples: samples, calibrationLength: length, calibrationText: text } = flags;
  return {
    ...studyOptions(context, flags),
    ...constraintsIn(flags),
    ...{ loss, perplexity, accuracy, parameters, kvBytes, speed, tasks, limit, context: tokens },
    ...{ targets, by, repair, sequential, repairSamples, seed, time, unchecked },
    saving: saving === "parameters" ? "parameters" : "kvBytes",
    calibration: { samples, length, ...text === undefined ? {} : { text } },
  };
}
