/** What the study of generation is asked for: its options, their checks and defaults. */
import {
  type Checks,
  list,
  number,
  option,
  related,
  required,
  string,
  text,
  usually,
  wholeNumber,
} from "../../entry/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { HELD_OUT_TEXT, studyChecks, type StudyOptions } from "../base/options.ts";
import { aDrop, dropsIn, type OverPlans } from "../base/plan.ts";
import { textOf } from "../base/text.ts";
import { askQuestions, type Questions } from "./choices.ts";
import type { Sizes } from "./price.ts";
import { blockPrompts, type PromptSource, writtenPrompts } from "./prompts.ts";

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

/** Tokens of a prompt, those written after it, and documents of a task. */
const [PROMPT_TOKENS, WRITTEN_TOKENS, DOCUMENTS] = [32, 64, 100];

/** Checks of them. */
export const generationChecks: Checks<OverPlans<GenerationOptions>> = {
  ...usually(studyChecks, { text: HELD_OUT_TEXT, length: PROMPT_TOKENS }),
  prompts: related(list(string, "prompts", 1), { excludes: ["text", "samples", "length", "skip"] }),
  tokens: option(wholeNumber(1), "<n> maximum number of tokens written after each prompt", WRITTEN_TOKENS),
  temperature: option(
    number("a number from 0.01 to 100", (value) => value >= 0.01 && value <= 100),
    "<t> temperature of the compared probabilities; texts are written greedily",
    1,
  ),
  task: option(
    text,
    "<name> a task of choices to compare at its questions too, for example arc_easy, or brackets, which needs no data",
  ),
  limit: option(wholeNumber(1), "<n> use only the first n documents of the task", DOCUMENTS, {
    needs: "task",
  }),
  plans: required(list(aDrop, "plans", 1)),
};

/** What is measured, with its defaults. */
export interface Asked {
  readonly plans: readonly DropPlan[];
  readonly prompts: PromptSource;
  readonly tokens: number;
  readonly temperature: number;
  readonly questions: Questions | null;
}

/** Fills in the defaults, and asks the questions of the task. */
export async function askedOf(model: StudyModel, options: OverPlans<GenerationOptions>): Promise<Asked> {
  const { prompts, tokens = WRITTEN_TOKENS, temperature = 1, task, limit = DOCUMENTS, bos = false } = options;
  const plans = options.plans.map((plan) => dropsIn(model, plan));
  return {
    plans,
    prompts: prompts
      ? await writtenPrompts(model, prompts, bos)
      : blockPrompts(textOf(model, { ...options, length: options.length ?? PROMPT_TOKENS }, HELD_OUT_TEXT)),
    tokens,
    temperature,
    questions: task === undefined ? null : await askQuestions(model, task, limit, options),
  };
}

/** The sizes of the work. */
export function sizesOf({ prompts, tokens, questions }: Asked): Sizes {
  const asked = questions?.all ?? [];
  return {
    ...prompts.sizes,
    tokens,
    questions: asked.length,
    question: asked.reduce((most, { ids }) => Math.max(most, ids.length), 1),
  };
}
