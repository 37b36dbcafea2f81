/** Redundancy before the first step and through training: `lamina random-init CONFIG`, `lamina checkpoints SERIES`. */
import { Command, Option } from "commander";
import { HELD_OUT_TEXT, studies } from "../../study/mod.ts";
import { openConfig, openSeries } from "../../subject/mod.ts";
import { type Context, openOptions, studyOptions } from "../shared/context.ts";
import { withOutFlags } from "../shared/destination.ts";
import { GIVEN } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import {
  numberList,
  type StudyFlags,
  withEngineFlags,
  withKeepingFlags,
  withPriceFlags,
  withStudyFlags,
} from "../shared/options.ts";
import { relate } from "../shared/relations.ts";
import { perform, shown } from "../shared/perform.ts";
import { openRunner } from "../shared/sharing.ts";

export function randomInitCommand(context: Context): Command {
  const command = new Command("random-init")
    .description("measure the importance of every module before training, from a config alone")
    .argument("<config>", "a name in data/configs, a config.json, a folder with one, or any model");
  explained(command, "random-init llama-2-7b --layers 8 --hidden 512 --seeds 3");
  command
    .addOption(
      new Option("--samples <n>", "number of blocks of random words, drawn by Zipf's law").default(2),
    )
    .addOption(new Option("--length <t>", "tokens per block").default(256))
    .addOption(
      new Option("--seeds <n>", "number of random seeds; the result holds their mean and spread").default(1),
    )
    .addOption(new Option("--seed <n>", "the first random seed").default(0))
    .option("--std <s>", "standard deviation of the weights (default: the config's)")
    .option("--residual-std <s>", "standard deviation of the output projections (default: the family's)")
    .option("--hidden <d>", "change the hidden size; heads and MLP scale in proportion")
    .option("--layers <n>", "change the number of layers")
    .option("--heads <n>", "change the number of heads at the same total width")
    .addOption(new Option("--norm <place>", "placement of the norms").choices(["pre", "peri", "post"]));
  relate(command, studies["random-init"].checks);
  return withOutFlags(withKeepingFlags(withPriceFlags(withEngineFlags(command))))
    .action(async (ref: string, flags: StudyFlags) => {
      const options = studyOptions(context, flags, studies["random-init"]);
      await openRunner(context, flags);
      const named = await openConfig(ref, openOptions(context, flags));
      const faces = shown(context, named.name, { done: `${named.name} with random weights` });
      await perform(context, flags, studies["random-init"], [named, options], faces);
    });
}

interface SeriesFlags extends StudyFlags {
  steps?: number[];
  /** A text, or true where the flag stands alone. */
  quality?: string | true;
}

export function checkpointsCommand(context: Context): Command {
  const command = new Command("checkpoints")
    .description("measure the importance of every module at each checkpoint of a training run")
    .argument(
      "<series>",
      "folder with series.json or checkpoint folders (step1000, checkpoint-500), or owner/name on the hub with one " +
        "branch or tag per checkpoint (weights are streamed and never stored)",
    )
    .option(
      "--steps <list>",
      `steps to measure, for example 0,512,1000; ${GIVEN} (default: at most twelve, log-spaced)`,
      numberList,
    )
    .option(
      "--quality [file|name]",
      "also measure perplexity on this text with half of the modules dropped (default: wiki)",
    );
  explained(command, "checkpoints data/series/pre-ln --quality");
  return withStudyFlags(command).action(async (ref: string, flags: SeriesFlags) => {
    const options = studyOptions(context, flags, studies.checkpoints);
    await openRunner(context, flags);
    const series = await openSeries(ref, { ...openOptions(context, flags), steps: flags.steps });
    const quality = flags.quality === true ? HELD_OUT_TEXT : flags.quality;
    const steps = series.checkpoints.map(({ step }) => step).join(", ");
    const count = `${series.checkpoints.length} checkpoints`;
    const faces = shown(context, `${series.name}, ${count} (${steps})`, { done: `${series.name}, ${count}` });
    await perform(context, flags, studies.checkpoints, [series, { ...options, quality }], {
      ...faces,
      price: (price) => `${faces.price(price)}, without reading the weights`,
    });
  });
}
