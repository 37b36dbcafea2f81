/** What an evaluation will take. Written answers count at their longest; what an earlier run kept counts as if it were to run. */
import { sum } from "core/entry/mod.ts";
import type { Model } from "core/models/mod.ts";
import { cost, type DropPlan, type Holding, passBytes } from "core/run/mod.ts";
import {
  BASE_BYTES,
  type Estimate,
  estimateSteps,
  type Pass,
  writeBytes,
  writtenIn,
} from "core/study/estimate.ts";
import { engineOf, type EngineOptions } from "core/study/options.ts";
import { inputsOf, type Part, type Setting, WRITTEN } from "./asked.ts";
import { STATE_BYTES } from "./beside.ts";
import { PROMPT, TOKENS } from "./parts.ts";

/** What a task asks. */
export interface TaskPrice {
  /** Name of the task. */
  readonly task: string;
  /** Number of documents. */
  readonly documents: number;
  /** Tokens that lm-eval would read. */
  readonly fed: number;
  /** Tokens that run here: what documents share counts once. */
  readonly run: number;
}

/** The price of an evaluation. */
export interface EvaluatePrice extends Estimate {
  /** The tasks, in their order. */
  readonly tasks: readonly TaskPrice[];
  /** Largest number of tokens that are written, under all plans. */
  readonly written: number;
}

/** Tokens that see each other: of a tree, or of a text. */
const SEEN = 512;

/** Prices parts of tasks under some plans, the full model first, and `prompts` texts that each continues. */
export async function price(
  model: Model,
  { plans, settings, parts: all, prompts }: {
    readonly plans: readonly DropPlan[];
    readonly settings: readonly Setting[];
    readonly parts: readonly Part[];
    readonly prompts: number;
  },
  options: EngineOptions,
): Promise<EvaluatePrice> {
  const { has } = await engineOf(options);
  const passes = [
    textsPass(model, plans, prompts, has),
    ...all.map((part) => partPass(model, plans, part, has)),
  ];
  const tasks = settings.map((setting): TaskPrice => {
    const parts = all.filter((part) => part.setting === setting);
    return {
      task: setting.task.name,
      documents: sum(parts, ({ documents }) => documents.length),
      fed: sum(parts, (part) => sum(inputsOf(part), ({ length }) => length)),
      run: sum(parts, readTokens),
    };
  });
  const written = writtenIn(passes);
  const reading = readBytes(model, plans, Math.max(...tasks.map(({ run }) => run)));
  return {
    ...await estimateSteps(model, [passes], sum(tasks, ({ run }) => run), options),
    tasks,
    written,
    bytes: BASE_BYTES + Math.max(reading, written > 0 ? writeBytes(model, has) : 0),
  };
}

export function partPass(model: Model, plans: readonly DropPlan[], part: Part, has: Holding): Pass {
  const { setting: { task }, documents, tokens } = part;
  const answers = task.generation ? plans.length * documents.length : 0;
  const scored = sum(documents, ({ requests }) => sum(requests, ({ targets }) => targets.length));
  const rows = answers || plans.length * scored;
  const bytes = Math.max(readBytes(model, plans, tokens), answers > 0 ? writeBytes(model, has) : 0);
  return { ...passOf(model, plans, readTokens(part), rows, answers * WRITTEN), bytes: BASE_BYTES + bytes };
}

export function textsPass(model: Model, plans: readonly DropPlan[], prompts: number, has: Holding): Pass {
  const count = plans.length * prompts;
  const bytes = BASE_BYTES + writeBytes(model, has);
  return { ...passOf(model, plans, prompts * PROMPT, count, count * TOKENS), bytes };
}

/** Memory for tokens that are read together. */
export function readBytes(model: Model, plans: readonly DropPlan[], tokens: number): number {
  const { stateBytes } = cost(model.spec, plans, { samples: 1, length: tokens }, false);
  return passBytes(model) + Math.min(STATE_BYTES, stateBytes);
}

function readTokens({ tokens, setting: { task }, documents }: Part): number {
  return task.generation ? tokens - WRITTEN * documents.length : tokens;
}

/** Tokens that are read together, predictions at `rows` of them, and tokens that are written after them. */
function passOf({ spec }: Model, plans: readonly DropPlan[], tokens: number, rows: number, written: number) {
  const besides = 2 * rows * spec.hidden * spec.vocabulary;
  return { plans, head: false, samples: tokens / SEEN, length: SEEN, besides, written };
}
