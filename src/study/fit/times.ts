/** How fast plans decode: measured of the full model and a plan in turns, and expected of others from the machine's parts. */
import type { Fit, Speed } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { engineOf } from "../base/options.ts";
import type { Pass } from "../base/estimate.ts";
import type { RunOptions } from "../base/stage.ts";
import { predict } from "../speed/predict.ts";
import type { PartTimes } from "../speed/parts.ts";
import { speed } from "../speed/speed.ts";

/** One text, and as many tokens as a short question has. */
const SETTING = { batch: 1, context: 256 } as const;
const STEPS = 16;
/** Rounds of both models, each with a prefill and the steps. */
const ROUNDS = 5;
/** A step with one token takes about as long as so many tokens read at once: it is bound by the bytes of the weights. */
const STEP_TOKENS = 16;

/** The passes that timing a plan is priced as. */
export const TIMING: readonly Pass[] = [
  {
    plans: [noDrop],
    head: true,
    samples: 1,
    length: SETTING.context + STEPS * STEP_TOKENS,
    times: 2 * ROUNDS,
  },
];

/** Measures the full model and plans in turns. */
async function measured(
  model: StudyModel,
  plans: readonly DropPlan[],
  { engine, precision, signal, onProgress, onNotice, force }: RunOptions,
): Promise<Speed["points"][number]> {
  const options = { engine, precision, signal, onProgress, onNotice, force };
  const { context } = SETTING;
  const { points: [point] } = await speed(model, {
    ...options,
    plans,
    context: [context],
    new: STEPS,
    repeat: ROUNDS,
  });
  return point;
}

/** The plan's times beside the full model's. */
export async function timesOf(model: StudyModel, plan: DropPlan, options: RunOptions): Promise<Fit["times"]> {
  const { plans: [, { speedup: { prefill, decode } }] } = await measured(model, [plan], options);
  return { ...SETTING, prefill, decode };
}

/** How many times as fast plans should decode, by what the machine's parts were measured to take. */
export async function expectedSpeed(
  model: StudyModel,
  options: RunOptions,
): Promise<(plan: DropPlan) => number> {
  const { parts } = await measured(model, [], options);
  const { bandwidth, rate, keyBandwidth, keyRate, ...overhead } = parts;
  const times: PartTimes = {
    products: { bandwidth, rate },
    keys: { bandwidth: keyBandwidth, rate: keyRate },
    overhead,
  };
  const { has } = await engineOf(options);
  const step = (plan: DropPlan) => predict({ model, has }, plan, SETTING, STEPS, times).step;
  const full = step(noDrop);
  return (plan) => full / step(plan);
}
