/** Redundancy through training: `lamina checkpoints SERIES`. */
import { Command } from "commander";
import { reportsOf } from "../entry/mod.ts";
import { noDrop } from "../run/mod.ts";
import { checkpointTable, estimateText } from "../show/mod.ts";
import { checkpoints, estimate, HELD_OUT_TEXT, type StudyOptions } from "../study/mod.ts";
import { openSeries, type Series } from "../subject/mod.ts";
import { type Context, studyOptions } from "./context.ts";
import { numberList, type StudyFlags, withStudyFlags } from "./options.ts";
import { deliver } from "./outlet.ts";

interface Flags extends StudyFlags {
  steps?: number[];
  /** A text, or true where the flag stands alone. */
  quality?: string | true;
}

export function checkpointsCommand(context: Context): Command {
  const command = new Command("checkpoints")
    .description("importance of every module through training, checkpoint by checkpoint")
    .argument(
      "<series>",
      "folder with series.json or checkpoint folders (step1000, checkpoint-500), or owner/name of the hub: its " +
        "branches and tags are the checkpoints, and weights are read over the network, never stored",
    )
    .option(
      "--steps <list>",
      "which steps, as 0,512,1000 (at most twelve, log-spaced, where not said)",
      numberList,
    )
    .option(
      "--quality [file|name]",
      "also the perplexity with half of the modules dropped at each step; reads the weights several times",
    );
  return withStudyFlags(command).action(async (ref: string, flags: Flags) => {
    const options = studyOptions(context, flags);
    const { signal, onNotice, onProgress } = options;
    const series = await openSeries(ref, { steps: flags.steps, signal, onNotice, onProgress });
    if (flags.dryRun) return await printEstimate(context, series, options);
    const quality = flags.quality === true ? HELD_OUT_TEXT : flags.quality;
    const result = await checkpoints(series, { ...options, quality });
    await deliver(context, flags.json, result, () => checkpointTable(result, context.look));
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
