/** How fast a model is, and what dropping modules gains, here or on a device that is not here: `lamina speed`. */
import { eachOf, formatBytes, oneOf, option } from "core/entry/mod.ts";
import type { Command } from "commander";
import { fileName, keepAs, readResult } from "core/result/mod.ts";
import { evaluateKind } from "../evaluate/mod.ts";
import { DEVICE_NAMES, type DeviceName } from "core/measure/mod.ts";
import { roofline, rooflineChecks } from "./roofline.ts";
import { speedStudy } from "./study.ts";
import { openConfig } from "core/subject/mod.ts";
import { counted, formatSeconds } from "core/show/words/numbers.ts";
import { type Context, openOptions, optionsIn, withModel } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { outOptions } from "core/command/destination.ts";
import { type DropFlags, planLists, plansIn } from "core/command/drops.ts";
import { type Flags, pricedOptions, resultsOption } from "core/command/options.ts";
import { deliver, outputOf } from "core/command/outlet.ts";
import { misused, repeatable } from "core/command/relations.ts";
import { perform } from "core/command/perform.ts";

type SpeedFlags = Flags & DropFlags<string[]> & {
  readonly device?: DeviceName;
  readonly batch?: number[] | "max";
  readonly context?: number[];
  readonly new?: number;
  readonly evaluation: string[];
};

const MORE = `
The model and its plans take turns, all in memory at once, on random tokens.
With --device, nothing runs, and a config is enough. The default setting is the
paper's (--batch max --context 2048 --new 2048) with the paper's numbers of
dropped attention modules; --csv and --json also have the paper's speed-ups.`;

/** Options of what is measured. */
const MEASURED = "repeat seed evaluation in engine precision memory dryRun force results figure".split(" ");

function speedCommand(context: Context): Command {
  const [computed, measured] = [{ needs: "device" }, { excludes: ["device"] }];
  const { batch, devices, bits } = rooflineChecks;
  return declared({
    name: "speed",
    says: "measure how fast a smaller model reads and writes",
    takes: {
      "<model>": "a model; with --device also a name in data/configs, a config.json or a folder with one",
    },
    options: {
      ...planLists(),
      evaluation: repeatable(
        "--evaluation <file>",
        "result of `lamina evaluate` for the full model or a plan, to compute gamma",
      ),
      ...speedStudy.checks,
      device: option(oneOf(DEVICE_NAMES), "<name> compute what this device allows, instead of measuring"),
      ...{ batch, devices, bits },
      ...pricedOptions("speed"),
      ...resultsOption(),
      ...outOptions("speed"),
    },
    relations: {
      ...{ devices: computed, bits: computed },
      ...eachOf(MEASURED, () => measured),
      dryRun: { excludes: ["device", "in"] },
    },
    more: MORE,
    example: "speed llama-2-13b --device a6000-ada",
  }, async (ref: string, flags: SpeedFlags, command: Command) => {
    if (!flags.device && flags.batch === "max") misused(command, "--batch max needs --device");
    if (flags.device && (flags.context ?? []).length > 1) {
      misused(command, `found --context ${flags.context} beside --device, expected one number`);
    }
    return await (flags.device ? bound : measure)(context, ref, flags);
  });
}

async function bound(context: Context, ref: string, flags: SpeedFlags): Promise<void> {
  const { context: [input] = [2048], new: output, results: _, ...out } = flags; // nothing is kept
  const plans = await plansIn(flags);
  const named = await openConfig(ref, openOptions(context, flags));
  const some = plans.length > 0 ? { plans } : {};
  const typed = { ...flags, ...some, input, output };
  const result = await roofline(named, optionsIn(context, typed, { checks: rooflineChecks }));
  await deliver(context, out, outputOf(context, result));
}

async function measure(context: Context, ref: string, flags: SpeedFlags): Promise<void> {
  const plans = await plansIn(flags);
  const evaluations = await Promise.all(flags.evaluation.map((file) => readResult(file, evaluateKind)));
  await withModel(context, ref, flags, async (model) => {
    const options = optionsIn(context, { ...flags, plans, evaluations }, speedStudy);
    await perform(context, flags, speedStudy, [model, options], {
      price: ({ prefills, steps, seconds, bytes }) =>
        `${model.name}:\n${counted(plans.length + 1, "model")}, ${counted(prefills, "prefill")} and ${
          counted(steps, "step")
        }, ` +
        `about ${formatSeconds(seconds)}, ${formatBytes(bytes)} of memory`,
      async output(result, done) {
        await keepAs(`speed-${fileName(model.name)}`, result, {
          results: flags.results!,
          onNotice: context.notice,
        });
        return outputOf(context, result, { done });
      },
    });
  });
}

export const commands = { "Every day:": [speedCommand], place: 6 };
