/** A model before its first step: `lamina random-init CONFIG`. */
import { Command, Option } from "commander";
import { reportsOf } from "../entry/mod.ts";
import { estimateText, randomInitTable } from "../show/mod.ts";
import { randomInit, randomInitEstimate, type RandomInitOptions } from "../study/mod.ts";
import { openConfig } from "../subject/mod.ts";
import { type Context, studyOptions } from "./context.ts";
import { positive, type StudyFlags, wholeNumber, withKeepingFlags } from "./options.ts";
import { deliver } from "./outlet.ts";

type Flags =
  & Omit<StudyFlags, "text" | "skip" | "bos">
  & Pick<RandomInitOptions, "seeds" | "std" | "residualStd" | "hidden" | "layers" | "heads" | "norm">;

export function randomInitCommand(context: Context): Command {
  return withKeepingFlags(new Command("random-init"))
    .description("importance of every module of an untrained model, from a configuration alone")
    .argument("<config>", "a name in data/configs, a config.json, its folder, or any model")
    .option("--samples <n>", "blocks of text, drawn from Zipf's law", wholeNumber(1), 2)
    .option("--length <t>", "tokens in each block", wholeNumber(2), 256)
    .option("--seeds <n>", "how many seeds; the result is their mean and spread", wholeNumber(1), 1)
    .option("--seed <n>", "the first of them", wholeNumber(0), 0)
    .option("--std <s>", "standard deviation of the weights, instead of the configuration's", positive)
    .option("--residual-std <s>", "that of the projections onto the residual stream", positive)
    .option("--hidden <d>", "another width; heads and MLP follow in proportion", wholeNumber(1))
    .option("--layers <n>", "another depth", wholeNumber(1))
    .option("--heads <n>", "another number of heads, of the same total width", wholeNumber(1))
    .addOption(
      new Option("--norm <place>", "where the norms stand around a module").choices(["pre", "peri", "post"]),
    )
    .addOption(new Option("--engine <name>", "what runs the model").choices(["cpu"]).default("cpu"))
    .option("--json <file>", "write the result as JSON (- for standard output)")
    .option("--dry-run", "say what would run, how long and in how much memory, and stop", false)
    .action(async (ref: string, flags: Flags) => {
      const { seeds, seed, std, residualStd, hidden, layers, heads, norm } = flags;
      const { skip: _skip, bos: _bos, ...study } = studyOptions(context, { ...flags, skip: 0, bos: false });
      const options = { ...study, seeds, seed, std, residualStd, hidden, layers, heads, norm };
      const named = await openConfig(ref, reportsOf(options));
      if (flags.dryRun) {
        const price = await randomInitEstimate(named, options);
        return context.print(estimateText(named.name, 1, price));
      }
      const result = await randomInit(named, options);
      await deliver(context, flags.json, result, () => randomInitTable(result, context.look));
    });
}
