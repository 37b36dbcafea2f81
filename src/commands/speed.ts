/** How fast a model is, and what dropping modules gains: `lamina speed`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { readResult, type Roofline } from "../result/mod.ts";
import { rooflineRows, rooflineTable } from "../show/mod.ts";
import { DEVICE_NAMES, type DeviceName, roofline, type RooflineOptions } from "../study/mod.ts";
import { openConfig } from "../subject/mod.ts";
import type { Context } from "./context.ts";
import { type OutFlags, withOutFlags } from "./destination.ts";
import { explained, HUB } from "./help.ts";
import { type DropLists, listedIn, wholeNumber, withDropLists } from "./options.ts";
import { deliver, outputOf } from "./outlet.ts";

interface SpeedFlags extends OutFlags, DropLists {
  device: DeviceName;
  devices: number;
  bits: 16 | 4;
  batch: number[] | "max";
  context: number;
  new: number;
  plan: string[];
}

const LIMIT = `
With --device nothing is run, and no weights are needed: the time of each
module is that of its bytes or of its operations, whichever takes longer. By
default the setting is the paper's, and so are the numbers of attention modules
dropped, beside the speed-ups that the paper reports.`;

export function speedCommand(context: Context): Command {
  const command = new Command("speed")
    .description("how much faster a device can be without the dropped modules, beside the paper's speed-ups")
    .argument("<config>", "a name in data/configs, a config.json, its folder, or any model")
    .addOption(
      new Option("--device <name>", "the device").choices([...DEVICE_NAMES]).makeOptionMandatory(),
    )
    .option("--devices <n>", "how many of it share the work", wholeNumber(1), 1)
    .addOption(
      new Option("--bits <n>", "bits of a weight: 16, or 4 with a scale for each 32").argParser(bitsOf)
        .default(16),
    )
    .addOption(
      new Option("--batch <sizes>", "texts side by side, as 1,4; or as many as fit the full model").argParser(
        batchOf,
      ).default("max"),
    )
    .option("--context <t>", "tokens read of each text", wholeNumber(1), 2048)
    .option("--new <t>", "tokens written of each text", wholeNumber(1), 2048)
    .option("--plan <file>", "a plan made by `lamina plan`; may be said several times", collected, [])
    .addHelpText("after", LIMIT);
  explained(command, "speed llama-2-13b --device a6000-ada --batch max", HUB);
  return withOutFlags(withDropLists(command)).action(async (ref: string, flags: SpeedFlags) => {
    const { device, devices, bits, batch, context: input, new: output } = flags;
    const options = { device, devices, bits, batch, input, output, plans: await plansOf(flags) };
    const result = await bound(context, ref, options);
    const table = () => rooflineTable(result, context.look);
    await deliver(context, flags, outputOf(result, { table, rows: () => rooflineRows(result) }));
  });
}

async function bound(context: Context, ref: string, options: RooflineOptions): Promise<Roofline> {
  const reports = {
    signal: context.signal,
    onProgress: context.progress.onProgress,
    onNotice: context.notice,
  };
  return await roofline(await openConfig(ref, reports), { ...options, ...reports });
}

/** The plans of the files, and what the drop options name as one more; undefined where there are none. */
async function plansOf(flags: SpeedFlags): Promise<RooflineOptions["plans"]> {
  const plans = await Promise.all(flags.plan.map((file) => readResult(file, "plan")));
  const own = listedIn(flags);
  const all = [...plans, ...own.attention.length + own.mlp.length > 0 ? [own] : []];
  return all.length > 0 ? all.map(({ attention, mlp }) => ({ attention, mlp })) : undefined;
}

function collected(text: string, before: string[]): string[] {
  return [...before, text];
}

function bitsOf(text: string): 16 | 4 {
  if (text === "16") return 16;
  if (text === "4") return 4;
  throw new InvalidArgumentError("expected 16 or 4");
}

function batchOf(text: string): number[] | "max" {
  if (text === "max") return "max";
  return text.split(",").map((part) => wholeNumber(1)(part.trim()));
}
