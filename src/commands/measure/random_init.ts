/** A model before its first step: `lamina random-init CONFIG`. */
import { Command, Option } from "commander";
import { type RandomInitOptions, studies } from "../../study/mod.ts";
import { openConfig } from "../../subject/mod.ts";
import { type Context, openOptions, studyOptions } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import {
  positive,
  type StudyFlags,
  wholeNumber,
  withEngineFlags,
  withKeepingFlags,
  withPriceFlags,
} from "../shared/options.ts";
import { withOutFlags } from "../shared/destination.ts";
import { perform, shown } from "../shared/perform.ts";
import { openRunner } from "../shared/sharing.ts";

type Flags =
  & Omit<StudyFlags, "text" | "skip" | "bos">
  & Pick<RandomInitOptions, "seeds" | "std" | "residualStd" | "hidden" | "layers" | "heads" | "norm">;

export function randomInitCommand(context: Context): Command {
  const command = new Command("random-init")
    .description("measure the importance of every module before training, from a config alone")
    .argument("<config>", "a name in data/configs, a config.json, a folder with one, or any model");
  explained(command, "random-init llama-2-7b --layers 8 --hidden 512 --seeds 3");
  command
    .option("--samples <n>", "number of blocks of random words, drawn by Zipf's law", wholeNumber(1), 2)
    .option("--length <t>", "tokens per block", wholeNumber(2), 256)
    .option(
      "--seeds <n>",
      "number of random seeds; the result holds their mean and spread",
      wholeNumber(1),
      1,
    )
    .option("--seed <n>", "the first random seed", wholeNumber(0), 0)
    .option("--std <s>", "standard deviation of the weights (default: the config's)", positive)
    .option(
      "--residual-std <s>",
      "standard deviation of the output projections (default: the family's)",
      positive,
    )
    .option("--hidden <d>", "change the hidden size; heads and MLP scale in proportion", wholeNumber(1))
    .option("--layers <n>", "change the number of layers", wholeNumber(1))
    .option("--heads <n>", "change the number of heads at the same total width", wholeNumber(1))
    .addOption(new Option("--norm <place>", "placement of the norms").choices(["pre", "peri", "post"]));
  return withOutFlags(withKeepingFlags(withPriceFlags(withEngineFlags(command))))
    .action(async (ref: string, flags: Flags) => {
      const { seeds, seed, std, residualStd, hidden, layers, heads, norm } = flags;
      const { skip: _skip, bos: _bos, ...study } = studyOptions(context, { ...flags, skip: 0, bos: false });
      const options = { ...study, seeds, seed, std, residualStd, hidden, layers, heads, norm };
      await openRunner(context, flags);
      const named = await openConfig(ref, openOptions(context, flags));
      const faces = shown(context, named.name, { done: `${named.name} with random weights` });
      await perform(context, flags, studies["random-init"], [named, options], faces);
    });
}
