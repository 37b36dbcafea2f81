import { list, option, wholeNumber } from "core/entry/mod.ts";
import { HELD_OUT_TEXT } from "core/study/options.ts";
import { checkpointsStudy } from "./study.ts";
import { openSeries } from "core/subject/mod.ts";
import { type Context, openOptions, optionsIn } from "core/command/context.ts";
import { GIVEN } from "core/command/given.ts";
import { declared } from "core/command/declare.ts";
import { type Flags, studyOptions } from "core/command/options.ts";
import { perform, shown } from "core/command/perform.ts";
import { openRunner } from "core/command/sharing.ts";

/** `quality` is a text, or true where the flag stands alone. */
type SeriesFlags = Flags & { readonly steps?: number[]; readonly quality?: string | true };

const checkpointsCommand = (context: Context) =>
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
      ...checkpointsStudy.checks,
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
    const options = { ...optionsIn(context, flags, checkpointsStudy), quality };
    await perform(context, flags, checkpointsStudy, [series, options], {
      ...faces,
      price: (price) => `${faces.price(price)}, without reading the weights`,
    });
  });

export const commands = { "Measure:": [checkpointsCommand] };
