/** What the study of generation takes: passes over texts, and tokens that are written one by one. */
import { cost, type DropPlan, noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { estimateSteps, type Pass } from "../base/estimate.ts";
import { engineOf } from "../base/options.ts";
import type { RunOptions } from "../base/stage.ts";
import type { Price } from "../base/study.ts";
import { rowSeconds, writeBytes } from "../evaluate/price.ts";

/** Sizes of the work: prompts and their longest, tokens written after each, questions of a task and their longest. */
export interface Sizes {
  readonly prompts: number;
  readonly length: number;
  readonly tokens: number;
  readonly questions: number;
  readonly question: number;
}

/** The passes of all plans: the full model's texts under all, each plan's own text, the questions. */
export function passesOf(
  plans: readonly DropPlan[],
  { prompts, length, tokens, questions, question }: Sizes,
): Pass[] {
  const size = { samples: prompts, length: length + tokens, head: true };
  const all = [noDrop, ...plans];
  return [
    { ...size, plans: all, stays: true },
    ...plans.map((plan): Pass => ({ ...size, plans: [plan], stays: true })),
    ...questions > 0 ? [{ plans: all, head: true, samples: questions, length: question }] : [],
  ];
}

/** The price; what an earlier run kept counts as if it were to run. */
export async function generationPrice(
  model: StudyModel,
  plans: readonly DropPlan[],
  sizes: Sizes,
  options: RunOptions,
): Promise<Price> {
  const { spec } = model;
  const reading = await estimateSteps(model, [passesOf(plans, sizes)], sizes.prompts * sizes.length, options);
  const written = (1 + plans.length) * sizes.prompts * sizes.tokens;
  const weights = cost(spec, [noDrop], { samples: 1, length: 1 }, false).flops / 2 +
    spec.hidden * spec.vocabulary;
  const engine = await engineOf(options);
  return {
    ...reading,
    plans: plans.length,
    flops: reading.flops + 2 * written * weights,
    seconds: reading.seconds + written * await rowSeconds(model, engine),
    bytes: Math.max(reading.bytes, writeBytes(model, engine.has)),
  };
}
