/** `lamina verify mistral-7b`: the paper's calibration on the paper's model, its drop orders beside the official ones. */
import { Argument, Command } from "commander";
import { openEngine } from "../../engine/mod.ts";
import { PAPER_ORDERS, studies, type VerifyOptions } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import { MODEL, type StudyFlags, withStudyFlags } from "../shared/options.ts";
import { perform, shown } from "../shared/perform.ts";

interface VerifyFlags extends StudyFlags {
  model?: string;
}

/** The paper's calibration. */
const TEXT = { text: "c4", samples: 256, length: 2048 };

const LIMIT = `
The model and the calibration text (C4, validation split) are downloaded from
the Hugging Face hub: 14.5 GB for mistral-7b, 26 GB for llama-2-13b, whose
licence you must accept first. We have run this command on small stand-in
models, never on the real ones. The official orders list the first eight
modules of each kind. Results are kept after every eight blocks, and an
interrupted run resumes.`;

export function verifyCommand(context: Context): Command {
  const command = new Command("verify")
    .description("repeat the paper's calibration and compare the drop orders with the official code's")
    .addArgument(
      new Argument("<paper>", "a model that the paper measures").choices(
        PAPER_ORDERS.map(({ name }) => name),
      ),
    )
    .option("--model <model>", `local copy of the model: ${MODEL}`)
    .addHelpText("after", LIMIT);
  explained(command, "verify mistral-7b --samples 8");
  return withStudyFlags(command, TEXT).action(async (paper: string, flags: VerifyFlags) => {
    const options = studyOptions(context, flags);
    const verify = (copy: Pick<VerifyOptions, "model">) =>
      perform(context, flags, studies.verify, [paper, { ...options, ...copy }], shown(context, paper));
    if (flags.model !== undefined) {
      return await withModel(context, flags.model, flags, (model) => verify({ model }));
    }
    await openEngine(flags);
    await verify({});
  });
}
