/** What the model writes: the full model's text beside the dropped one's. */
import type { Command } from "commander";
import { option, required, text } from "../../entry/mod.ts";
import { type DropPlan, isFull, NGRAM, planPhrase } from "../../measure/mod.ts";
import { head } from "../../result/mod.ts";
import { formatNumber } from "../../show/mod.ts";
import { computedOn, generate, generateChecks, type Generated, readPlan } from "../../study/mod.ts";
import { type Context, optionsIn, withModel } from "../shared/context.ts";
import { declared } from "../shared/declare.ts";
import {
  type DropFlags,
  dropOf,
  dropOptions,
  type Flags,
  MODEL,
  modelOptions,
  wantedOf,
} from "../shared/options.ts";
import { GIVEN } from "../shared/given.ts";
import { isStandardOutput, outOptions } from "../shared/destination.ts";
import { deliver, outputOf } from "../shared/outlet.ts";

type GenerateFlags = DropFlags & Flags & { readonly prompt: string; readonly draft?: string };

export const generateCommand = (context: Context): Command =>
  declared({
    name: "generate",
    says: "generate text with the full model and with modules dropped",
    takes: { "<model>": MODEL },
    options: {
      prompt: option(required(text), `<text> the text to continue; ${GIVEN}; @@ begins a text with @`),
      ...generateChecks,
      draft: option(
        text,
        "<file|ngram> draft tokens with the modules of this plan, or from repetitions in the text: same text, perhaps faster",
      ),
      ...dropOptions,
      ...modelOptions(),
      ...outOptions(),
    },
    example: 'generate smollm2-135m --prompt "Once upon a time" --drop-attention 25',
  }, async (ref: string, flags: GenerateFlags) => {
    const wanted = await wantedOf(flags);
    const draft = flags.draft === undefined || flags.draft === NGRAM
      ? flags.draft
      : await readPlan(flags.draft);
    await withModel(context, ref, flags, async (model) => {
      const drop = dropOf(model, wanted);
      const dropped = !isFull(drop);
      const quiet = isStandardOutput(flags.json) || isStandardOutput(flags.csv);
      let current = -1;
      const times: number[][] = []; // of each plan's tokens, in ms
      let isOpen = false; // whether a line of text is not ended
      const texts = await generate(model, dropped ? [{}, drop] : [{}], flags.prompt, {
        ...optionsIn(context, { ...flags, draft }, { checks: generateChecks }),
        onProgress(progress) {
          if (!quiet && progress.unit === "tokens") return; // the text itself shows it
          if (isOpen) context.say("\n");
          isOpen = false;
          context.progress.onProgress(progress);
        },
        onToken({ plan, text }) {
          (times[plan] ??= []).push(performance.now());
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
      const result = { ...head("generate"), model: model.identity, computed, prompt: flags.prompt, texts };
      const drafts = texts.flatMap(({ draft }, plan) =>
        draft ? [`\n\n— ${draftPhrase(draft, times[plan] ?? [])} —`] : []
      );
      // The texts are there already: the line is ended.
      await deliver(context, flags, { ...outputOf(context, result), table: () => drafts.join("") });
    });
  });

/** "draft without attention 25: accepted 40 of 48 (83 %) in 13 runs, 36.2 ms per token": the time behind the first. */
function draftPhrase(
  { plan, drafted, accepted, rounds, ties }: NonNullable<Generated["draft"]>,
  times: readonly number[],
): string {
  const share = drafted === 0 ? "" : ` (${Math.round(100 * accepted / drafted)} %)`;
  const nearly = ties === 0 ? "" : `; ${ties} ${ties === 1 ? "choice" : "choices"} nearly tied`;
  const each = (times.at(-1)! - times[0]) / (times.length - 1);
  const time = each > 0 ? `, ${formatNumber(each)} ms per token` : "";
  return `draft ${
    plan === NGRAM ? "from the text" : planPhrase(plan)
  }: accepted ${accepted} of ${drafted}${share} in ${rounds} ${
    rounds === 1 ? "run" : "runs"
  }${time}${nearly}`;
}

function heading(plan: number, drop: DropPlan) {
  return `— ${plan === 0 ? "full model" : planPhrase(drop)} —`;
}
