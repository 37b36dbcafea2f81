/** How fast a model is, and what dropping modules gains, here or on a device that is not here: `lamina speed`. */
import { aFrequency, aShare, formatBytes, related, wholeNumber } from "../../entry/mod.ts";
import { Command, InvalidArgumentError, Option } from "commander";
import { fileName, keepAs, readResult } from "../../result/mod.ts";
import {
  DEVICE_NAMES,
  type DeviceName,
  roofline,
  type RooflineOptions,
  type SpeedOptions,
  studies,
} from "../../study/mod.ts";
import { openConfig } from "../../subject/mod.ts";
import { type Context, openOptions, reportsTo, withModel } from "../shared/context.ts";
import { type OutFlags, withOutFlags } from "../shared/destination.ts";
import { entriesOf } from "../shared/given.ts";
import { explained } from "../shared/help.ts";
import {
  DROP_OPTIONS,
  type DropLists,
  type EngineFlags,
  type KeepingFlags,
  plansIn,
  withDropLists,
  withEngineFlags,
  withPriceFlags,
  withResultsFlag,
} from "../shared/options.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { reads, relate, repeatable } from "../shared/relations.ts";
import { perform } from "../shared/perform.ts";

type DeviceFlags = Partial<Pick<RooflineOptions, "device" | "devices" | "bits" | "accepted">>;

interface SpeedFlags extends OutFlags, DropLists, EngineFlags, DeviceFlags, Pick<KeepingFlags, "results"> {
  batch?: number[] | "max";
  context?: number[];
  new?: number;
  plan: string[];
  repeat: number;
  seed: number;
  evaluation: string[];
  draft?: boolean;
  draftTokens?: number;
  dryRun: boolean;
  force: boolean;
}

const MORE = `
Without --device, the model runs: the full model and the plans take turns, and
the table compares each speed-up with the bound from bytes and operations at
this machine's bandwidth and rate, measured in the same rounds. All plans are
in memory at once. The prompts are random tokens.

With --draft, each plan also drafts for the full model behind pieces of the
held-out text, in turns with the full model alone.

With --device, nothing runs, and a config is enough. The default setting is the
paper's (--batch max --context 2048 --new 2048) with the paper's numbers of
dropped attention modules; the table shows the paper's speed-ups beside it.`;

export function speedCommand(context: Context): Command {
  const command = new Command("speed")
    .description("measure prefill and decoding speed with modules dropped, beside the possible speed")
    .argument(
      "<model>",
      "a model; with --device also a name in data/configs, a config.json or a folder with one",
    )
    .addOption(
      new Option("--batch <sizes>", "batch sizes, for example 1,4; with --device also max (default: 1)")
        .argParser(batchOf),
    )
    .option("--context <sizes>", "prompt lengths in tokens (default: 128,1024)", sizes)
    .option("--new <n>", "new tokens per prompt (default: 32)")
    .addOption(repeatable("--plan <file>", "a plan from `lamina plan`"))
    .addOption(new Option("--repeat <n>", "number of rounds").default(5))
    .addOption(new Option("--seed <n>", "seed of the random prompts").default(0))
    .option("--draft", "also measure each plan as a draft of the full model (see `lamina generate --draft`)")
    .option("--draft-tokens <n>", "tokens to draft at a time (default: 4)")
    .addOption(repeatable(
      "--evaluation <file>",
      "result of `lamina evaluate` for the full model or a plan, to compute gamma",
    ))
    .addOption(
      new Option("--device <name>", "compute the speed that this device allows instead of measuring").choices(
        [...DEVICE_NAMES],
      ),
    )
    .option("--devices <n>", "number of devices that share the work", reads(wholeNumber(1)))
    .addOption(
      new Option(
        "--bits <n>",
        "bits per weight on the device: 16, or 4 with one scale per 32 weights (default: 16)",
      )
        .argParser(bitsOf),
    )
    .addOption(
      new Option(
        "--accepted <shares>",
        "what each plan gains as a draft of which these shares are accepted, for example 0.9,0.95 or 90%,95%",
      ).argParser(sharesOf),
    )
    .addHelpText("after", MORE);
  explained(command, "speed llama-2-13b --device a6000-ada");
  withOutFlags(withResultsFlag(withPriceFlags(withEngineFlags(withDropLists(command)))));
  const [computed, measured] = [{ needs: "device" }, { excludes: ["device"] }];
  const { draftTokens: _needs, ...checks } = studies.speed.checks;
  relate(command, checks);
  relate(command, {
    ...Object.fromEntries(["devices", "bits", "accepted"].map((name) => [name, computed])),
    ...Object.fromEntries(MEASURED.map((name) => [name, measured])),
    draft: { ...measured, needs: DROP_OPTIONS },
    draftTokens: related(studies.speed.checks.draftTokens, { needs: "draft" }),
  });
  return command.action(
    async (ref: string, flags: SpeedFlags) => {
      if (flags.device) return await bound(context, ref, flags.device, flags);
      await measure(context, ref, flags);
    },
  );
}

/** Options of what runs here. */
const MEASURED = [
  "repeat",
  "seed",
  "evaluation",
  "engine",
  "precision",
  "memory",
  "dryRun",
  "force",
  "results",
];

/** What a device allows. */
async function bound(context: Context, ref: string, device: DeviceName, flags: SpeedFlags): Promise<void> {
  const { devices, bits, batch, accepted, context: contexts = [2048], new: output } = flags;
  if (contexts.length > 1) {
    throw new RangeError(`Cannot draw a roofline at contexts ${contexts.join(",")}: expected one`);
  }
  const plans = await plansIn(flags);
  const options: RooflineOptions = {
    ...{ device, devices, bits, batch, accepted },
    ...{ input: contexts[0], output },
  };
  const named = await openConfig(ref, openOptions(context, flags));
  const some = plans.length > 0 ? { plans } : {};
  const result = await roofline(named, { ...options, ...some, ...reportsTo(context) });
  const { results: _, ...out } = flags; // what takes no time is not kept
  await deliver(context, out, outputOf(context, result));
}

/** What this machine does. */
async function measure(context: Context, ref: string, flags: SpeedFlags): Promise<void> {
  const { batch, context: contexts, repeat, seed, engine, precision, memory, results, force } = flags;
  if (batch === "max") throw new RangeError("Cannot measure a speed: --batch max needs --device");
  const plans = await plansIn(flags);
  const evaluations = await Promise.all(flags.evaluation.map((file) => readResult(file, "evaluate")));
  await withModel(context, ref, flags, async (model) => {
    const options: SpeedOptions = {
      ...reportsTo(context),
      ...{ plans, batch, context: contexts, new: flags.new, repeat, seed },
      ...{ engine, precision, memory, evaluations, force },
      draftTokens: flags.draft ? flags.draftTokens ?? 4 : undefined,
    };
    await perform(context, flags, studies.speed, [model, options], {
      price: ({ prefills, steps, bytes }) =>
        `${model.name}:\n${plans.length + 1} models, ${prefills} prefills and ${steps} steps, ` +
        `about ${formatBytes(bytes)} of memory`,
      async output(result, done) {
        await keepAs(`speed-${fileName(model.name)}`, result, { results, onNotice: context.notice });
        return outputOf(context, result, { done });
      },
    });
  });
}

function sizes(text: string): number[] {
  const entries = entriesOf(text);
  if (entries.length === 0) throw new InvalidArgumentError("expected a whole number of at least 1");
  return entries.map(reads<number>(wholeNumber(1)));
}

function sharesOf(text: string): string[] {
  const shares = entriesOf(text);
  if (shares.length > 0) return shares.map(reads<string>(aShare(aFrequency)));
  throw new InvalidArgumentError("expected at least one share");
}

function batchOf(text: string): number[] | "max" {
  return text === "max" ? "max" : sizes(text);
}

function bitsOf(text: string): 16 | 4 {
  if (text === "16") return 16;
  if (text === "4") return 4;
  throw new InvalidArgumentError("expected 16 or 4");
}
