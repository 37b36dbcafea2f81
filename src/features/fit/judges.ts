/** Accuracies of plans on tasks, and how fast plans are beside the full model. */
import { changeOver } from "core/measure/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { engineOf, type RunOptions } from "core/study/options.ts";
import type { Pass } from "core/study/estimate.ts";
import type { Scope } from "core/study/scope.ts";
import type { Half } from "core/study/text.ts";
import { changesIn, evaluated, meanOver } from "../evaluate/mod.ts";
import { type PartTimes, predict, speed, speedupOf } from "../speed/mod.ts";
import { documentsOf } from "./limits.ts";
import type { FitOptions } from "./options.ts";
import type { Aim, Ends, Fit } from "./result.ts";

/** Points of mean accuracy that plans lose on the documents of a half. */
export async function pointsIn(
  scope: Scope,
  model: StudyModel,
  { tasks }: Aim,
  plans: readonly DropPlan[],
  half: Half,
  options: FitOptions,
): Promise<Ends[]> {
  const { choosing, all } = documentsOf(options);
  const range = half === "choosing" ? { limit: choosing } : { skip: choosing, limit: all - choosing };
  const { bos } = options;
  const asked = {
    ...{ ...range, tasks, plans: [noDrop, ...plans], prompts: 0 },
    ...bos === undefined ? {} : { bos: bos ? "always" as const : "never" as const },
  };
  const found = await evaluated(scope, model, asked);
  return scope.likely(() => {
    const [full, ...others] = found;
    const mains = meanOver(full);
    return others.map(({ tasks }): Ends => {
      const changes = mains.map((main) => changesIn(tasks, full.tasks, main));
      const { difference, low, high } = changeOver(changes, 1);
      return { value: 0 - 100 * difference, low: 0 - 100 * high, high: 0 - 100 * low }; // points lost; no −0
    });
  }, () => plans.map(() => ({ value: 0, low: 0, high: 0 })));
}

/** One text, and as many tokens as a short question has. */
const SETTING = { batch: 1, context: 256 } as const;
const STEPS = 16;
/** Rounds of both models, each with a prefill and the steps. */
const ROUNDS = 5;
/** Tokens read at once that take as long as a step with one, which is bound by the bytes of the weights. */
const STEP_TOKENS = 16;
const SIZES = { context: [SETTING.context], new: STEPS, repeat: ROUNDS };

export const TIMING: readonly Pass[] = [{
  plans: [noDrop],
  head: true,
  samples: 1,
  length: SETTING.context + STEPS * STEP_TOKENS,
  times: 2 * ROUNDS,
}];

export async function timesOf(
  model: StudyModel,
  plan: DropPlan,
  { results: _, ...options }: RunOptions,
): Promise<NonNullable<Fit["times"]>> {
  const { prefill, decode } = await speedupOf(model, plan, { ...options, ...SIZES });
  return { prefill, decode };
}

/** How many times as fast plans should decode, by what the machine's parts were measured to take. */
export async function expectedSpeed(model: StudyModel, { results: _, ...options }: RunOptions) {
  const { points: [{ parts }] } = await speed(model, [], { ...options, ...SIZES });
  const { bandwidth, rate, keyBandwidth, keyRate, ...overhead } = parts!;
  const times: PartTimes = {
    products: { bandwidth, rate },
    keys: { bandwidth: keyBandwidth, rate: keyRate },
    overhead,
  };
  const { has } = await engineOf(options);
  const step = (plan: DropPlan) => predict({ model, has }, plan, SETTING, STEPS, times).step;
  const full = step(noDrop);
  return { of: (plan: DropPlan) => full / step(plan) };
}
