/** The studies of one model over a text: profile, perplexity, order, guides, sweep. */
import { Command, Option } from "commander";
import { isFull, noDrop, REPAIRS } from "../../measure/mod.ts";
import { type DropOrder, ORDERS, PAPER_SCORE, TARGETS } from "../../result/mod.ts";
import { againstLlmDrop, HELD_OUT_TEXT, studies, studyChecks, SWEEP_STEPS } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import {
  DROP_OPTIONS,
  type DropFlags,
  dropOf,
  MODEL,
  planOf,
  randomAmong,
  REMOVING,
  type StudyFlags,
  wantedOf,
  withCalibrationFlags,
  withConstraintFlags,
  withDropFlags,
  withSeedFlag,
  withStudyFlags,
  withUnchecked,
} from "../shared/options.ts";
import { relate } from "../shared/relations.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";
import { expectWhole } from "../shared/sharing.ts";

interface ProfileFlags extends StudyFlags, DropFlags {
  against?: "llm-drop";
  all: boolean;
}

export function profileCommand(context: Context): Command {
  const command = new Command("profile")
    .description("measure the importance, magnitude and sign of every module in one pass")
    .argument("<model>", MODEL)
    .addOption(
      new Option("--against <code>", "compare with the importance that the paper's official code computes")
        .choices(["llm-drop"]),
    )
    .option("--all", "print every module, not only the ten least important of each kind", false);
  relate(command, {
    against: { excludes: DROP_OPTIONS },
    all: { excludes: ["against"] },
  });
  explained(command, "profile smollm2-135m --samples 4 --json profile.json");
  return withStudyFlags(withDropFlags(command)).action(async (ref: string, flags: ProfileFlags) => {
    const wanted = await wantedOf(flags);
    await withModel(context, ref, flags, async (model) => {
      const options = { ...studyOptions(context, flags, studies.profile), drop: dropOf(model, wanted) };
      const faces = shown(context, model.name, { all: flags.all });
      if (!flags.against || flags.dryRun) {
        return await perform(context, flags, studies.profile, [model, options], faces);
      }
      expectWhole(context, "a comparison with llm-drop");
      const result = await againstLlmDrop(model, studyOptions(context, flags, { checks: studyChecks }));
      const done = `${model.name} compared with llm-drop`;
      await deliver(context, flags, outputOf(context, result, { done }));
    });
  });
}

export function perplexityCommand(context: Context): Command {
  const command = new Command("perplexity")
    .description("measure how well the model predicts a text, with and without the dropped modules")
    .argument("<model>", MODEL);
  explained(command, "perplexity smollm2-135m --drop-attention 25,26");
  const withFlags = withStudyFlags(withDropFlags(command), { text: HELD_OUT_TEXT });
  return withFlags.action(async (ref: string, flags: StudyFlags & DropFlags) => {
    const wanted = await wantedOf(flags);
    await withModel(context, ref, flags, async (model) => {
      const plan = planOf(model, wanted);
      const plans = isFull(plan) ? [noDrop] : [noDrop, plan];
      const options = { ...studyOptions(context, flags, studies.perplexity), plans };
      await perform(context, flags, studies.perplexity, [model, options], shown(context, model.name));
    });
  });
}

export function orderCommand(context: Context): Command {
  const command = new Command("order")
    .description("rank modules, or windows of consecutive blocks, by a score or by a greedy search")
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
    );
  withUnchecked(command, REMOVING);
  explained(command, "order smollm2-135m --by greedy --upto 8 --json order.json");
  withSeedFlag(withStudyFlags(withConstraintFlags(command)), randomAmong(false));
  relate(command, studies.order.checks);
  return command.action(async (ref: string, flags: StudyFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const options = studyOptions(context, flags, studies.order);
      await perform(context, flags, studies.order, [model, options], shown(context, model.name));
    });
  });
}

export function guidesCommand(context: Context): Command {
  const command = new Command("guides")
    .description("show how well each score predicts the cost of removing a module (rank correlation)")
    .argument("<model>", MODEL)
    .option("--held-out <file|name>", "text on which the cost of removal is measured (default: wiki)");
  explained(command, "guides smollm2-135m --samples 4");
  return withStudyFlags(command).action(async (ref: string, flags: StudyFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const options = studyOptions(context, flags, studies.guides);
      await perform(context, flags, studies.guides, [model, options], shown(context, model.name));
    });
  });
}

interface SweepFlags extends StudyFlags {
  target: DropOrder["target"];
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
    )
    .option(
      "--by <orders>",
      `orders to compare, from: ${ORDERS.join(", ")} (default: importance and baselines)`,
    )
    .option(
      "--repair <repairs>",
      `add a line for each repair of the dropped modules, from: ${REPAIRS.join(", ")}`,
    );
  withCalibrationFlags(command, "that of --text if it is set, otherwise stories");
  explained(command, "sweep smollm2-135m --target attention --upto 8");
  const sized = withStudyFlags(withConstraintFlags(command), { text: HELD_OUT_TEXT });
  withSeedFlag(sized, randomAmong(true));
  relate(command, studies.sweep.checks);
  return command.action(async (ref: string, flags: SweepFlags) => {
    await withModel(context, ref, flags, async (model) => {
      const calibrationText = flags.calibrationText ?? flags.text;
      const options = {
        ...studyOptions(context, Object.assign(flags, { calibrationText }), studies.sweep),
        targets: [flags.target],
      };
      await perform(context, flags, studies.sweep, [model, options], shown(context, model.name));
    });
  });
}
