/** `lamina order MODEL`: in which order modules go, by any measure; `lamina guides MODEL`: how good a guide each measure is. */
import { Command, Option } from "commander";
import { type DropOrder, ORDERS, PAPER_SCORE, TARGETS } from "../../result/mod.ts";
import { studies } from "../../study/mod.ts";
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

interface OrderFlags extends StudyFlags, ConstraintFlags {
  target: DropOrder["target"];
  by: DropOrder["by"];
  upto?: number;
}

export function orderCommand(context: Context): Command {
  const command = new Command("order")
    .description(
      "rank modules, or windows of consecutive blocks, by a score or by a greedy search",
    )
    .argument("<model>", MODEL)
    .addOption(new Option("--target <kind>", "what to drop").choices([...TARGETS]).default("attention"))
    .addOption(
      new Option(
        "--by <order>",
        "score or search that ranks them; for blocks, importance is ShortGPT's block influence",
      )
        .choices(ORDERS).default(PAPER_SCORE),
    )
    .option(
      "--upto <n>",
      "number to rank, or blocks in the largest window (default: all; windows: half of the layers)",
      wholeNumber(1),
    );
  explained(command, "order smollm2-135m --by greedy --upto 8 --json order.json");
  return withStudyFlags(withConstraintFlags(command)).action(async (ref: string, flags: OrderFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const { target, by, upto, seed } = flags;
      const { protectFirst, protectLast, noNeighbours } = constraintsIn(flags);
      const constraints = { protectFirst, protectLast, noNeighbours };
      const options = { ...studyOptions(context, flags), ...constraints, target, by, upto, seed };
      await perform(
        context,
        flags,
        studies.order,
        [model, options],
        shown(context, model.name, `order of ${model.name}`),
      );
    });
  });
}

interface GuidesFlags extends StudyFlags {
  heldOut?: string;
}

export function guidesCommand(context: Context): Command {
  const command = new Command("guides")
    .description("show how well each score predicts the cost of removing a module (rank correlation)")
    .argument("<model>", MODEL)
    .option("--held-out <file|name>", "text on which the cost of removal is measured (default: wiki)");
  explained(command, "guides smollm2-135m --samples 4");
  return withStudyFlags(command).action(async (ref: string, flags: GuidesFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const options = { ...studyOptions(context, flags), heldOut: flags.heldOut };
      await perform(
        context,
        flags,
        studies.guides,
        [model, options],
        shown(context, model.name, `guides to ${model.name}`),
      );
    });
  });
}
