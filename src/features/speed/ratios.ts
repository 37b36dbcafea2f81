/** How many times as fast a plan is as the full model, from what each took in turns. */
import { gamma, quartiles } from "core/measure/mod.ts";
import type { Medians } from "./parts.ts";
import type { Times } from "./turns.ts";

export const mediansOf = ({ prefill, steps }: Times): Medians => (
  { prefill: quartiles(prefill).median, step: quartiles(steps).median }
);

/** The full model's time to a plan's: medians over the turns that both took. */
export function ratiosOf(full: Times, plan: Times, steps: number) {
  const ratios = (key: keyof Times) => quartiles(full[key].map((seconds, turn) => seconds / plan[key][turn]));
  const { whole } = fasterBy(mediansOf(full), mediansOf(plan), steps);
  return { prefill: ratios("prefill"), decode: ratios("steps"), whole };
}

export function fasterBy(full: Medians, plan: Medians, steps: number) {
  const whole = ({ prefill, step }: Medians) => prefill + steps * step;
  return {
    prefill: full.prefill / plan.prefill,
    decode: full.step / plan.step,
    whole: whole(full) / whole(plan),
  };
}

/** What turns say of a plan: seconds, and how many times as fast as the full model it is. */
export function measuredOf(times: readonly Times[], plan: number, steps: number, lost: number | null) {
  const speedup = ratiosOf(times[0], times[plan], steps);
  const [prefill, decode] = [times[plan].prefill, times[plan].steps].map(quartiles);
  return { prefill, decode, speedup, gamma: lost === null ? null : gamma(lost, speedup.whole) };
}
