/** What the model writes: the full model's text beside the dropped one's. */
import { Command, Option } from "commander";
import { type DropPlan, isFull, planPhrase } from "../../measure/mod.ts";
import { head } from "../../result/mod.ts";
import {
  computedOn,
  generate,
  generateChecks,
  type Generated,
  type GenerateOptions,
  readPlan,
} from "../../study/mod.ts";
import { type Context, withModel } from "../shared/context.ts";
import {
  type DropFlags,
  dropOf,
  type EngineFlags,
  MODEL,
  wantedOf,
  withDropFlags,
  withEngineFlags,
} from "../shared/options.ts";
import { GIVEN, given } from "../shared/given.ts";
import { relate } from "../shared/relations.ts";
import { explained } from "../shared/help.ts";
import { isStandardOutput, type OutFlags, withOutFlags } from "../shared/destination.ts";
import { deliver, outputOf } from "../shared/outlet.ts";

type Sampling = Pick<GenerateOptions, "tokens" | "temperature" | "topP" | "seed" | "bos" | "draftTokens">;
type GenerateFlags = DropFlags & EngineFlags & OutFlags & Sampling & {
  readonly prompt: string;
  readonly draft?: string;
};

export function generateCommand(context: Context): Command {
  const command = new Command("generate")
    .description("generate text with the full model and with modules dropped")
    .argument("<model>", MODEL)
    .requiredOption("--prompt <text>", `the text to continue; ${GIVEN}; @@ begins a text with @`, given)
    .addOption(new Option("--tokens <n>", "maximum number of new tokens").default(64))
    .addOption(
      new Option("--temperature <t>", "sampling temperature; 0 takes the most probable token").default(0),
    )
    .option(
      "--top-p <p>",
      "sample from the most probable tokens that add up to this probability, such as 0.9 or 90%",
      "1",
    )
    .addOption(new Option("--seed <n>", "random seed").default(0))
    .option("--draft <file>", "draft tokens with the modules that this plan keeps: same text, perhaps faster")
    .addOption(new Option("--draft-tokens <n>", "tokens to draft at a time").default(4))
    .option("--bos", "start the prompt with the BOS token", false);
  relate(command, generateChecks);
  explained(command, 'generate smollm2-135m --prompt "Once upon a time" --drop-attention 25');
  return withOutFlags(withEngineFlags(withDropFlags(command))).action(
    async (ref: string, flags: GenerateFlags) => {
      const wanted = await wantedOf(flags);
      const draft = flags.draft === undefined ? undefined : await readPlan(flags.draft);
      await withModel(context, ref, flags, async (model) => {
        const drop = dropOf(model, wanted);
        const dropped = !isFull(drop);
        const quiet = isStandardOutput(flags.json) || isStandardOutput(flags.csv);
        let current = -1;
        let isOpen = false; // whether a line of text is not ended
        const { prompt, tokens, temperature, topP, seed, bos, draftTokens, engine, precision, memory } =
          flags;
        const options = { tokens, temperature, topP, seed, bos, draftTokens, engine, precision, memory };
        const texts = await generate(model, prompt, {
          ...options,
          plans: dropped ? [{}, drop] : [{}],
          draft,
          signal: context.signal,
          onNotice: context.notice,
          onProgress(progress) {
            if (!quiet && progress.unit === "tokens") return; // the text itself shows it
            if (isOpen) context.say("\n");
            isOpen = false;
            context.progress.onProgress(progress);
          },
          onToken({ plan, text }) {
            if (quiet) return;
            if (plan !== current) {
              const end = current < 0 ? "" : isOpen ? "\n\n" : "\n";
              context.say(`${end}${heading(plan, drop)}\n${flags.prompt}`);
            }
            current = plan;
            isOpen = true;
            context.say(text);
          },
        });
        const computed = await computedOn(flags);
        const result = { ...head("generate"), model: model.identity, computed, prompt, texts };
        const drafts = texts.flatMap(({ draft }) => draft ? [`\n\n— ${draftPhrase(draft)} —`] : []);
        // The texts are there already: the line is ended.
        await deliver(context, flags, { ...outputOf(context, result), table: () => drafts.join("") });
      });
    },
  );
}

/** "draft without attention 25: accepted 40 of 48 (83 %) in 13 runs". */
function draftPhrase({ plan, drafted, accepted, rounds, ties }: NonNullable<Generated["draft"]>): string {
  const share = drafted === 0 ? "" : ` (${Math.round(100 * accepted / drafted)} %)`;
  const nearly = ties === 0 ? "" : `; ${ties} ${ties === 1 ? "choice" : "choices"} nearly tied`;
  return `draft ${planPhrase(plan)}: accepted ${accepted} of ${drafted}${share} in ${rounds} ${
    rounds === 1 ? "run" : "runs"
  }${nearly}`;
}

function heading(plan: number, drop: DropPlan) {
  return `— ${plan === 0 ? "full model" : planPhrase(drop)} —`;
}
