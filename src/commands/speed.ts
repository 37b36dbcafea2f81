/** How fast a model is, and what dropping modules gains, here or on a device that is not here: `lamina speed`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { openEngine } from "../engine/mod.ts";
import { formatBytes } from "../hub/mod.ts";
import { fileName, keepAs, readResult, type Speed } from "../result/mod.ts";
import { rooflineRows, rooflineTable, speedRows, speedTable } from "../show/mod.ts";
import {
  DEVICE_NAMES,
  type DeviceName,
  roofline,
  type RooflineOptions,
  speed,
  speedEstimate,
  type SpeedOptions,
} from "../study/mod.ts";
import { openConfig, openModel } from "../subject/mod.ts";
import { type Context, openOptions } from "./context.ts";
import { type OutFlags, withOutFlags } from "./destination.ts";
import { explained, STUDY } from "./help.ts";
import {
  collected,
  type DropLists,
  DRY_RUN,
  type EngineFlags,
  type KeepingFlags,
  listedIn,
  wholeNumber,
  withDropLists,
  withEngineFlags,
  withResultsFlag,
} from "./options.ts";
import { deliver, outputOf } from "./outlet.ts";

interface SpeedFlags extends OutFlags, DropLists, EngineFlags, Pick<KeepingFlags, "results"> {
  batch?: number[] | "max";
  context?: number[];
  new?: number;
  plan: string[];
  repeat: number;
  seed: number;
  evaluation: string[];
  dryRun: boolean;
  device?: DeviceName;
  devices?: number;
  bits?: 16 | 4;
}

const MORE = `
Without --device the model is run: the full model and the plans take turns, and
each setting's speed-ups stand beside what bytes and operations allow at the
bandwidth and rate of this machine, measured in the same turns. All plans are in
memory at once. The tokens are random.

With --device nothing is run, and a configuration is enough. By default the
setting is the paper's (--batch max --context 2048 --new 2048), and so are the
numbers of attention modules dropped, beside the speed-ups that it reports.`;

export function speedCommand(context: Context): Command {
  const command = new Command("speed")
    .description("measure how fast the model reads and writes, with modules dropped, beside what is possible")
    .argument("<model>", "a model; with --device also a name in data/configs, a config.json or its folder")
    .addOption(
      new Option("--batch <sizes>", "texts side by side, as 1,4; with --device also max (default: 1)")
        .argParser(batchOf),
    )
    .option("--context <sizes>", "tokens read of each text (default: 128,1024)", sizes)
    .option("--new <n>", "tokens written of each text (default: 32)", wholeNumber(1))
    .option("--plan <file>", "a plan made by `lamina plan`; may be given several times", collected, [])
    .option("--repeat <n>", "rounds", wholeNumber(1), 5)
    .option("--seed <n>", "seed of the tokens", wholeNumber(0), 0)
    .option(
      "--evaluation <file>",
      "what `lamina evaluate` wrote, of the full model and of each plan: for gamma",
      collected,
      [],
    )
    .addOption(new Option("--device <name>", "what this device allows").choices([...DEVICE_NAMES]))
    .option("--devices <n>", "how many of the device share the work", wholeNumber(1))
    .addOption(
      new Option(
        "--bits <n>",
        "bits of a weight on the device: 16, or 4 with a scale for each 32 (default: 16)",
      )
        .argParser(bitsOf),
    )
    .option("--dry-run", DRY_RUN, false)
    .addHelpText("after", MORE);
  explained(command, "speed llama-2-13b --device a6000-ada", STUDY);
  return withOutFlags(withEngineFlags(withResultsFlag(withDropLists(command)))).action(
    async (ref: string, flags: SpeedFlags) => {
      if (flags.device) return await bound(context, ref, flags.device, flags);
      await measure(context, ref, flags);
    },
  );
}

function reportsOf(context: Context) {
  return {
    signal: context.signal,
    onProgress: context.progress.onProgress,
    onNotice: context.notice,
  };
}

/** What a device allows. */
async function bound(context: Context, ref: string, device: DeviceName, flags: SpeedFlags): Promise<void> {
  const { devices, bits, batch, context: contexts = [2048], new: output } = flags;
  if (contexts.length > 1) {
    throw new RangeError(`Cannot draw a roofline at contexts ${contexts.join(",")}: expected one`);
  }
  const plans = await plansOf(flags);
  const options: RooflineOptions = { device, devices, bits, batch, input: contexts[0], output };
  const reports = reportsOf(context);
  const named = await openConfig(ref, openOptions(context, flags));
  const result = await roofline(named, {
    ...options,
    plans: plans.length > 0 ? plans : undefined,
    ...reports,
  });
  const table = () => rooflineTable(result, context.look);
  const { results: _, ...out } = flags; // what takes no time is not kept
  await deliver(
    context,
    out,
    outputOf(result, { table, rows: () => rooflineRows(result) }),
  );
}

/** What this machine does. */
async function measure(context: Context, ref: string, flags: SpeedFlags): Promise<void> {
  const { batch, context: contexts, repeat, seed, engine, precision, results } = flags;
  if (batch === "max" || flags.bits || flags.devices) {
    const given = batch === "max" ? "--batch max" : flags.bits ? "--bits" : "--devices";
    throw new RangeError(`Cannot measure a speed: ${given} needs --device`);
  }
  const plans = await plansOf(flags);
  const evaluations = await Promise.all(flags.evaluation.map((file) => readResult(file, "evaluate")));
  const reports = reportsOf(context);
  await openEngine(flags);
  const model = await openModel(ref, openOptions(context, flags));
  try {
    const options: SpeedOptions = {
      ...reports,
      ...{ plans, batch, context: contexts, new: flags.new, repeat, seed, engine, precision, evaluations },
    };
    if (flags.dryRun) {
      const { prefills, steps, bytes } = await speedEstimate(model, options);
      return context.print(
        `${model.name}:\n${plans.length + 1} models, ${prefills} prefills and ${steps} steps, ` +
          `about ${formatBytes(bytes)} of memory`,
      );
    }
    const result = await speed(model, options);
    await keepAs(`speed-${fileName(model.name)}`, result, { results, onNotice: context.notice });
    await deliver(context, flags, outputOf(result, outputs(result, context)));
  } finally {
    model.close();
  }
}

function outputs(result: Speed, { look }: Context) {
  return {
    table: () => speedTable(result, look),
    rows: () => speedRows(result),
    done: `speed of ${result.model.name}`,
  };
}

/** The plans of the files, and what the drop options name as one more. */
async function plansOf(flags: SpeedFlags) {
  const plans = await Promise.all(flags.plan.map((file) => readResult(file, "plan")));
  const own = listedIn(flags);
  return [...plans, ...own.attention.length + own.mlp.length > 0 ? [own] : []];
}

function sizes(text: string): number[] {
  return text.split(",").map((part) => wholeNumber(1)(part.trim()));
}

function batchOf(text: string): number[] | "max" {
  return text === "max" ? "max" : sizes(text);
}

function bitsOf(text: string): 16 | 4 {
  if (text === "16") return 16;
  if (text === "4") return 4;
  throw new InvalidArgumentError("expected 16 or 4");
}
