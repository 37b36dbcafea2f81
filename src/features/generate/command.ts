/** What the model writes: the full model's text beside the dropped one's. */
import { option, required, text } from "core/entry/mod.ts";
import { isFull, planPhrase } from "core/measure/mod.ts";
import { generateChecks, generated } from "./generate.ts";
import { type Context, optionsIn, withModel } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { type DropFlags, dropOf, dropOptions, wantedOf } from "core/command/drops.ts";
import { type Flags, MODEL, modelOptions } from "core/command/options.ts";
import { GIVEN } from "core/command/given.ts";
import { isStandardOutput, outOptions } from "core/command/destination.ts";
import { deliver, outputOf } from "core/command/outlet.ts";

const generateCommand = (context: Context) =>
  declared({
    name: "generate",
    says: "generate text with the full model and with modules dropped",
    takes: { "<model>": MODEL },
    options: {
      prompt: option(required(text), `<text> the text to continue; ${GIVEN}; @@ begins a text with @`),
      ...generateChecks,
      ...dropOptions,
      ...modelOptions(),
      ...outOptions(),
    },
    example: 'generate smollm2-135m --prompt "Once upon a time" --drop-attention 25',
  }, async (ref: string, flags: DropFlags & Flags & { readonly prompt: string }) => {
    const wanted = await wantedOf(flags);
    await withModel(context, ref, flags, async (model) => {
      const drop = dropOf(model, wanted);
      const dropped = !isFull(drop);
      const quiet = isStandardOutput(flags.json) || isStandardOutput(flags.csv);
      let current = -1;
      let isOpen = false; // whether a line of text is not ended
      const plans = dropped ? [{}, drop] : [{}];
      /** Headings up to that of a plan; a text that ends at once has no token. */
      const begin = (plan: number) => {
        while (current < plan) {
          const end = current++ < 0 ? "" : isOpen ? "\n\n" : "\n";
          context.say(`${end}— ${current === 0 ? "full model" : planPhrase(drop)} —\n${flags.prompt}`);
          isOpen = true;
        }
      };
      const result = await generated(model, plans, flags.prompt, {
        ...optionsIn(context, flags, { checks: generateChecks }),
        onProgress(progress) {
          if (!quiet && progress.unit === "tokens") return; // the text itself shows it
          if (isOpen) context.say("\n");
          isOpen = false;
          context.progress.onProgress(progress);
        },
        onToken({ plan, text }) {
          if (quiet) return;
          begin(plan);
          isOpen = true;
          context.say(text);
        },
      });
      if (!quiet) begin(plans.length - 1);
      // The texts are there already: the line is ended.
      await deliver(context, flags, { ...outputOf(context, result), table: () => "" });
    });
  });

export const commands = { "Every day:": [generateCommand], place: 3 };
