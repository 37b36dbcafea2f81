/** `lamina fit MODEL`: how much may go at a loss that one accepts, or at what loss so much goes. */
import { Command, Option } from "commander";
import { REPAIRS } from "../../measure/mod.ts";
import { type Fit, ORDERS, PAPER_SCORE } from "../../result/mod.ts";
import { aTarget, CONTEXT, FIT_SAMPLES, LIMIT, planTensors, studies } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { isStandardOutput, writesPlan } from "../shared/destination.ts";
import { keepFit, nextText } from "../shared/fitted.ts";
import { taskList } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import {
  MODEL,
  randomAmong,
  REMOVING,
  type StudyFlags,
  withCalibrationFlags,
  withConstraintFlags,
  withSeedFlag,
  withStudyFlags,
  withUnchecked,
} from "../shared/options.ts";
import { relate } from "../shared/relations.ts";
import { outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";

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
      `modules to drop, from: ${aTarget.names!.join(", ")} (default: attention, mlp, joint)`,
    )
    .option(
      "--by <orders>",
      `orders to try, from: ${ORDERS.join(", ")} (default: ${PAPER_SCORE})`,
    )
    .option(
      "--repair <repairs>",
      `repairs to try where the bare drop breaks the promise, from: ${REPAIRS.join(", ")}`,
    )
    .addOption(
      new Option("--saving <what>", "what makes a plan the larger one").choices(["parameters", "kv-bytes"])
        .default("parameters"),
    )
    .option("--no-time", "do not measure how fast the answer reads and writes");
  withUnchecked(command, REMOVING);
  withCalibrationFlags(command);
  explained(command, "fit smollm2-135m --perplexity 10%");
  withSeedFlag(withStudyFlags(withConstraintFlags(command), { samples: FIT_SAMPLES }), randomAmong(false));
  relate(command, studies.fit.checks);
  return writesPlan(command, ({ repair }) => repair !== undefined).action(
    async (ref: string, flags: StudyFlags) => {
      await withModel(context, ref, flags, async (model) => {
        await perform(context, flags, studies.fit, [model, studyOptions(context, flags, studies.fit)], {
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
    .option("--loss <nats>", "lose at most this many nats per token, such as 0.01")
    .option(
      "--perplexity <rise>",
      "let the perplexity rise by at most this share, such as 5%",
    )
    .option("--accuracy <points>", "lose at most this many points of mean accuracy")
    .option(
      "--parameters <n>",
      "save at least this many parameters, or a share such as 10%, as cheaply as possible",
    )
    .option(
      "--kv-bytes <n>",
      "save at least this many bytes of KV cache, or a share such as 25%",
    )
    .option(
      "--speed <factor>",
      "decode at least this many times as fast on this machine, such as 1.2",
    )
    .option("--tasks <names>", "benchmark tasks, such as piqa,arc_easy", taskList)
    .option("--limit <n>", `documents of each task, of which half confirm (default: ${LIMIT})`)
    .option("--context <t>", `sequence length, in tokens (default: ${CONTEXT})`);
}
