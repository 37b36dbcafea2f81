/** Redundancy through training: `lamina checkpoints SERIES`. */
import { Command } from "commander";
import { HELD_OUT_TEXT, studies } from "../../study/mod.ts";
import { openSeries } from "../../subject/mod.ts";
import { type Context, openOptions, studyOptions } from "../shared/context.ts";
import { GIVEN } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import { numberList, type StudyFlags, withStudyFlags } from "../shared/options.ts";
import { perform, shown } from "../shared/perform.ts";
import { openRunner } from "../shared/sharing.ts";

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
