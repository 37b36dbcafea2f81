/** Redundancy through training: `lamina checkpoints SERIES`. */
import { Command } from "commander";
import { reportsOf } from "../entry/mod.ts";
import { noDrop } from "../run/mod.ts";
import { estimateText } from "../show/mod.ts";
import { checkpoints, checkpointShards, estimate, HELD_OUT_TEXT, type StudyOptions } from "../study/mod.ts";
import { openSeries, type Series } from "../subject/mod.ts";
import { type Context, openOptions, studyOptions } from "./context.ts";
import { GIVEN } from "./given.ts";
import { explained } from "./help.ts";
import { numberList, type StudyFlags, withStudyFlags } from "./options.ts";
import { deliver, outputOf } from "./outlet.ts";
import { isShared, openRunner } from "./sharing.ts";

interface Flags extends StudyFlags {
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
  return withStudyFlags(command).action(async (ref: string, flags: Flags) => {
    const options = studyOptions(context, flags);
    await openRunner(context, flags);
    const series = await openSeries(ref, { ...openOptions(context, flags), steps: flags.steps });
    if (flags.dryRun) return await printEstimate(context, series, options);
    const quality = flags.quality === true ? HELD_OUT_TEXT : flags.quality;
    const told = { ...options, quality };
    if (await isShared(context, options, () => checkpointShards(series, told))) return;
    const result = await checkpoints(series, told);
    const done = `${series.name}, ${result.series.length} checkpoints`;
    await deliver(context, flags, outputOf(context, result, { done }));
  });
}

/** What the profiles would take; the first checkpoint's configuration stands for all. */
async function printEstimate(context: Context, series: Series, options: StudyOptions): Promise<void> {
  const n = series.checkpoints.length;
  const closed = await series.checkpoints[0].outline(reportsOf(options));
  try {
    const { modules, flops, seconds, ...each } = await estimate(closed, [noDrop], false, options);
    const all = { ...each, modules: n * modules, flops: n * flops, seconds: n * seconds };
    const steps = series.checkpoints.map(({ step }) => step).join(", ");
    context.print(
      `${estimateText(`${series.name}, ${n} checkpoints (${steps})`, 1, all)}, without reading the weights`,
    );
  } finally {
    closed.close();
  }
}
