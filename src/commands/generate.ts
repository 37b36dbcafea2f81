/** What the model writes: the full model's text beside the dropped one's. */
import { Command } from "commander";
import process from "node:process";
import { head } from "../result/mod.ts";
import { printable } from "../show/mod.ts";
import { generate } from "../study/mod.ts";
import { type Context, withModel } from "./context.ts";
import {
  type DropFlags,
  dropOf,
  nonNegative,
  positive,
  wantedOf,
  wholeNumber,
  withDropFlags,
} from "./options.ts";
import { deliver, isStandardOutput } from "./outlet.ts";

interface GenerateFlags extends DropFlags {
  prompt: string;
  tokens: number;
  temperature: number;
  topP: number;
  seed: number;
  bos: boolean;
  json?: string;
}

export function generateCommand(context: Context): Command {
  const command = new Command("generate")
    .description("what the model writes, the full model beside the dropped one")
    .argument("<model>", "the model")
    .requiredOption("--prompt <text>", "the text to continue")
    .option("--tokens <n>", "tokens to write at most", wholeNumber(1), 64)
    .option("--temperature <t>", "0 takes the most probable token", nonNegative, 0)
    .option("--top-p <p>", "draw among the tokens that have this probability together", positive, 1)
    .option("--seed <n>", "seed of the draws", wholeNumber(0), 0)
    .option("--bos", "begin with BOS", false)
    .option("--json <file>", "write the texts as JSON (- for standard output)");
  return withDropFlags(command).action(async (ref: string, flags: GenerateFlags) => {
    const wanted = await wantedOf(flags);
    await withModel(context, ref, async (model) => {
      const drop = dropOf(model, wanted);
      const dropped = drop.attention.length + drop.mlp.length > 0;
      const quiet = isStandardOutput(flags.json);
      let current = -1;
      const { prompt, tokens, temperature, topP, seed, bos } = flags;
      const texts = await generate(model, prompt, {
        tokens,
        temperature,
        topP,
        seed,
        bos,
        plans: dropped ? [{}, drop] : [{}],
        signal: context.signal,
        onToken({ plan, text }) {
          if (quiet) return;
          context.progress.close();
          if (plan !== current) {
            process.stdout.write(`${current < 0 ? "" : "\n\n"}${heading(plan, drop)}\n${flags.prompt}`);
          }
          current = plan;
          process.stdout.write(printable(text, { utf8: true })); // a model may write anything
        },
      });
      const result = { ...head("generate"), model: model.identity, prompt: flags.prompt, texts };
      await deliver(context, flags.json, result, () => ""); // the texts are there already: the line is ended
    });
  });
}

function heading(
  plan: number,
  drop: { readonly attention: readonly number[]; readonly mlp: readonly number[] },
) {
  if (plan === 0) return "— full model —";
  return `— without attention ${drop.attention.join(" ") || "(none)"}, MLP ${
    drop.mlp.join(" ") || "(none)"
  } —`;
}
