/** Quality against the number of modules dropped: `lamina sweep MODEL`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { ORDERS, TARGETS } from "../../result/mod.ts";
import { type Order, studies, SWEEP_STEPS, type SweepOptions, type Target } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import {
  type ConstraintFlags,
  constraintsIn,
  MODEL,
  type StudyFlags,
  wholeNumber,
  withConstraintFlags,
  withStudyFlags,
} from "../shared/options.ts";
import { perform, shown } from "../shared/perform.ts";

interface SweepFlags extends StudyFlags, ConstraintFlags {
  target: Target;
  by?: Order[];
  upto?: number;
  calibrationSamples: number;
  calibrationLength: number;
  calibrationText?: string;
}

export function sweepCommand(context: Context): Command {
  const command = new Command("sweep")
    .description("measure quality against the number of dropped modules, in several orders")
    .argument("<model>", MODEL)
    .addOption(new Option("--target <kind>", "what to drop").choices([...TARGETS]).default("attention"))
    .option(
      "--upto <n>",
      `drop at most this many modules (default: ${SWEEP_STEPS.at(-1)}, or all)`,
      wholeNumber(0),
    )
    .option(
      "--by <orders>",
      `orders to compare, from: ${ORDERS.join(", ")} (default: importance and baselines)`,
      ordersOf,
    )
    .option(
      "--calibration-samples <n>",
      "number of text blocks that the orders are computed from",
      wholeNumber(1),
      8,
    )
    .option("--calibration-length <t>", "tokens per calibration block", wholeNumber(2), 512)
    .option("--calibration-text <file|name>", "calibration text (default: stories)");
  explained(command, "sweep smollm2-135m --target attention --upto 8");
  return withStudyFlags(withConstraintFlags(command)).action(async (ref: string, flags: SweepFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const { target, by, upto, seed, calibrationSamples: samples, calibrationLength: length } = flags;
      const { protectFirst, protectLast, noNeighbours } = constraintsIn(flags);
      const text = flags.calibrationText ?? flags.text;
      const options: SweepOptions = {
        ...studyOptions(context, flags),
        ...{ protectFirst, protectLast, noNeighbours, targets: [target], by, upto, seed },
        calibration: { samples, length, ...text === undefined ? {} : { text } },
      };
      await perform(
        context,
        flags,
        studies.sweep,
        [model, options],
        shown(context, model.name, `sweep of ${model.name}`),
      );
    });
  });
}

/** Orders by name: "importance,greedy". */
function ordersOf(text: string): Order[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !(ORDERS as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`found "${unknown.join(", ")}", expected some of: ${ORDERS.join(", ")}`);
  }
  return ORDERS.filter((name) => names.includes(name));
}
