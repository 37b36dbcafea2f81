/** `lamina verify mistral-7b`: the paper's calibration on the paper's model, its drop orders beside the official ones. */
import { Argument, Command } from "commander";
import { openEngine } from "../engine/mod.ts";
import { estimateText, verifyRows, verifyTable } from "../show/mod.ts";
import { PAPER_ORDERS, verify, verifyEstimate, type VerifyOptions } from "../study/mod.ts";
import { type Context, studyOptions, withModel } from "./context.ts";
import { explained, STUDY } from "./help.ts";
import { MODEL, type StudyFlags, withStudyFlags } from "./options.ts";
import { deliver, outputOf } from "./outlet.ts";

interface VerifyFlags extends StudyFlags {
  model?: string;
}

/** The paper's calibration. */
const SIZES = { samples: 256, length: 2048 };

const LIMIT = `
The model and its text, C4's validation split, come from the Hugging Face hub:
14.5 GB for mistral-7b, 26 GB for llama-2-13b, whose licence has to be accepted
first. This command has been run on small models in their place, never on the
real ones. The official orders are known for the first eight modules of each
kind. What is finished is kept, eight blocks at a time: an ended run goes on.`;

export function verifyCommand(context: Context): Command {
  const command = new Command("verify")
    .description("measure the drop orders of a model of the paper, beside those of the paper's official code")
    .addArgument(
      new Argument("<paper>", "model of the paper").choices(PAPER_ORDERS.map(({ name }) => name)),
    )
    .option("--model <model>", `where the model is, if not on the hub: ${MODEL}`)
    .addHelpText("after", LIMIT);
  explained(command, "verify mistral-7b --samples 8", STUDY);
  return withStudyFlags(command, SIZES).action(async (paper: string, flags: VerifyFlags) => {
    if (flags.model === undefined) return await verifyPaper(context, paper, flags, {});
    await withModel(context, flags.model, flags, (model) => verifyPaper(context, paper, flags, { model }));
  });
}

/** Of the paper's own model on the hub, or of the one that is given. */
async function verifyPaper(
  context: Context,
  paper: string,
  flags: VerifyFlags,
  given: Pick<VerifyOptions, "model">,
): Promise<void> {
  const options = { ...studyOptions(context, flags), ...given };
  await openEngine(flags);
  if (flags.dryRun) return context.print(estimateText(paper, 1, await verifyEstimate(paper, options)));
  const result = await verify(paper, options);
  const table = () => verifyTable(result, context.look);
  const done = `verification of ${paper}`;
  await deliver(context, flags, outputOf(result, { table, rows: () => verifyRows(result), done }));
}
