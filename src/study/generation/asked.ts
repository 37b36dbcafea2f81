/** The request of a study of generation: options, checks and defaults, prompts, and the price. */
import {
  type Checks,
  filled,
  list,
  number,
  option,
  related,
  type Reports,
  required,
  string,
  text,
  usually,
  wholeNumber,
} from "../../entry/mod.ts";
import { joinHashes } from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { heldOutChecks, type StudyOptions } from "../base/options.ts";
import { aDrop, dropsIn, type OverPlans } from "../base/plan.ts";
import { type Text, textOf } from "../base/text.ts";
import { askQuestions } from "./choices.ts";
import { blockHashes, idsByBlock } from "../../text/mod.ts";
import type { Prompts } from "../evaluate/items.ts";
import { promptIds } from "../writing/decoded.ts";
import type { Pass } from "../base/estimate.ts";

/** Options of `generation`. */
export interface GenerationOptions extends StudyOptions {
  /** Texts to continue, instead of the blocks of `text`; those are 8 blocks of 32 tokens of wiki by default. */
  readonly prompts?: readonly string[] | undefined;
  /** Tokens that are written after each prompt at most; default: 64. */
  readonly tokens?: number | undefined;
  /** Temperature T of the probabilities, from 0.01 to 100; default: 1. Texts are written greedily. */
  readonly temperature?: number | undefined;
  /** A task of choices: predictions at the end of its questions are compared over all tokens and over the options; default: none. */
  readonly task?: string | undefined;
  /** Documents of the task, from the first on; default: 100. */
  readonly limit?: number | undefined;
}

export const generationChecks: Checks<OverPlans<GenerationOptions>> = {
  ...usually(heldOutChecks, { length: 32 }),
  prompts: related(list(string, "prompts", 1), { excludes: ["text", "samples", "length", "skip"] }),
  tokens: option(wholeNumber(1), "<n> maximum number of tokens written after each prompt", 64),
  temperature: option(
    number("a number from 0.01 to 100", (value) => value >= 0.01 && value <= 100),
    "<t> temperature of the compared probabilities; texts are written greedily",
    1,
  ),
  task: option(
    text,
    "<name> a task of choices to compare at its questions too, for example arc_easy, or brackets, which needs no data",
  ),
  limit: option(wholeNumber(1), "<n> use only the first n documents of the task", 100, {
    needs: "task",
  }),
  plans: required(list(aDrop, "plans", 1)),
};

export type Asked = Awaited<ReturnType<typeof askedOf>>;

/** Fills in the defaults, and asks the questions of the task. */
export async function askedOf(model: StudyModel, options: OverPlans<GenerationOptions>) {
  const { prompts, task, bos = false } = options;
  const { tokens, temperature, limit } = filled(generationChecks, options);
  const plans = options.plans.map((plan) => dropsIn(model, plan));
  return {
    plans,
    prompts: prompts
      ? await writtenPrompts(model, prompts, bos)
      : blockPrompts(textOf(model, options, generationChecks)),
    tokens,
    temperature,
    questions: task === undefined ? null : await askQuestions(model, task, limit, options),
  };
}

/** Sizes of the work: prompts and their longest, tokens written after each, questions of a task and their longest. */
export function sizesOf({ prompts, tokens, questions }: Asked) {
  const asked = questions?.all ?? [];
  return {
    ...prompts.sizes,
    tokens,
    questions: asked.length,
    question: asked.reduce((most, { ids }) => Math.max(most, ids.length), 1),
  };
}

/** Prompts whose sizes are known before they are read: their number, and tokens of the longest. */
interface PromptSource {
  readonly sizes: { readonly prompts: number; readonly length: number };
  read(reports: Reports): Promise<Prompts>;
}

function blockPrompts(text: Text): PromptSource {
  const { samples, length } = text.sizes;
  return {
    sizes: { prompts: samples, length },
    async read(reports) {
      const { blocks, text: name, packing } = await text.pack(reports);
      return { ids: idsByBlock(blocks).map((ids) => [...ids]), text: name, packing };
    },
  };
}

/** The name in results of prompts that the caller wrote; their packing has the length of the longest. */
const OWN_PROMPTS = "prompts";

/** Texts of the caller's. Throws `RangeError` for a text without a token, `TypeError` for BOS where the model has none. */
async function writtenPrompts(model: StudyModel, texts: readonly string[], bos: boolean) {
  const tokenizer = await model.tokenizer();
  const ids = texts.map((text) => promptIds(model.name, tokenizer, text, bos));
  const empty = ids.findIndex(({ length }) => length === 0);
  if (empty >= 0) {
    throw new RangeError(`Cannot continue prompts[${empty}]: found no tokens, expected a text or BOS`);
  }
  const length = ids.reduce((most, prompt) => Math.max(most, prompt.length), 0);
  const hashes = ids.flatMap((prompt, i) =>
    blockHashes({ ids: Int32Array.from(prompt), samples: 1, length: prompt.length }, i)
  );
  const prompts: Prompts = {
    ids,
    text: { name: OWN_PROMPTS, hash: joinHashes(hashes) },
    packing: { samples: ids.length, length, skip: 0, bos },
  };
  return { sizes: { prompts: ids.length, length }, read: () => Promise.resolve(prompts) };
}

/** The passes of all plans: the full model's texts under all, each plan's own text, the questions. */
export function generationPasses(
  plans: readonly DropPlan[],
  { prompts, length, tokens, questions, question }: ReturnType<typeof sizesOf>,
): Pass[] {
  const size = { samples: prompts, length: length + tokens, head: true };
  const all = [noDrop, ...plans];
  return [
    { ...size, plans: all, stays: true, written: all.length * prompts * tokens },
    ...plans.map((plan): Pass => ({ ...size, plans: [plan], stays: true })),
    ...questions > 0 ? [{ plans: all, head: true, samples: questions, length: question }] : [],
  ];
}
