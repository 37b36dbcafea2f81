/** Whether the answer of a fit is worth its trouble on this machine, and what larger savings would cost. */
import { planHash, type Verdict } from "../../measure/mod.ts";
import type { Fit } from "../forms/mod.ts";

/** The share of the file, or of the speed of writing, from which a plan is worth it. */
export const WORTH = 0.05;

type Tried = Fit["tried"][number];

/** The share of the model that a plan saves: of its own files or of those in the format, whichever are smaller; without files, of its weights. */
export function sharedSaving({ file }: Pick<Fit, "file">, { bytes, saves }: Tried): number {
  if (!file) return saves.parametersShare;
  return bytes ? 1 - bytes / Math.min(file.original, file.whole) : 0;
}

/** Whether the answer saves `WORTH` of the file or of the time per token; "no" where every plan breaks the promise. */
export function worthOf(fit: Fit): Verdict {
  const { answer, tried, confirmed, times } = fit;
  if (answer === null) {
    const tests = [...tried.filter((_, i) => !confirmed.some((test) => test.tried === i)), ...confirmed];
    return tests.some(({ keeps }) => keeps !== "no") ? "cannot tell" : "no";
  }
  if (sharedSaving(fit, tried[answer]) >= WORTH) return "yes";
  const { low = 1, high = 1 } = times?.decode ?? {};
  return low >= 1 + WORTH ? "yes" : high < 1 + WORTH ? "no" : "cannot tell";
}

/** Whether the quartiles of the rounds say that a plan is faster, or slower. */
export const isClearPace = ({ low, high }: NonNullable<Fit["times"]>["decode"]): boolean =>
  low > 1 || high < 1;

/** Plans that save more than the answer, smallest first, as they were tried: none of them saves less than another that costs less. Each saves half as much again as the one before. */
export function largerSavings(fit: Fit): Tried[] {
  const { tried, answer } = fit;
  const saved = (one: Tried) => sharedSaving(fit, one);
  const least = answer === null ? 0 : saved(tried[answer]);
  const distinct = [...new Map(tried.map((one) => [planHash(one.drop), one])).values()];
  const larger = distinct.filter((one) => saved(one) > least)
    .sort((a, b) => saved(b) - saved(a) || a.cost.value - b.cost.value);
  const cheapest = larger.filter(({ cost }, i) =>
    larger.slice(0, i).every((one) => cost.value < one.cost.value)
  );
  const next: Tried[] = [];
  for (const one of cheapest.toReversed()) {
    if (next.length === 0 || saved(one) >= 1.5 * saved(next.at(-1)!)) next.push(one);
  }
  return next;
}

/** Bits per weight of the types that files store matrices in; of those with a K, GGML's blocks with their scales. */
const BITS: Readonly<Record<string, number>> = {
  ...{ F32: 32, BF16: 16, F16: 16, Q8_0: 8.5, Q5_1: 6, Q5_0: 5.5, Q4_1: 5, Q4_0: 4.5 },
  ...{ Q6_K: 6.5625, Q5_K: 5.5, Q4_K: 4.5, Q3_K: 3.4375, Q2_K: 2.625 },
};
/** Types that a writer of GGUF files chooses from, many bits first. */
const CHOICES = ["Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K"];

/** The finest type whose matrices are smaller than the model's own by at least what the answer saves; null where none is, or the own is unknown. */
export function coarserType(
  fit: Fit,
): { readonly own: string; readonly type: string; readonly share: number } | null {
  const own = fit.provenance.model.format.split(" ").at(-1)!;
  const least = fit.answer === null ? 0 : sharedSaving(fit, fit.tried[fit.answer]);
  const shared = (type: string) => 1 - BITS[type] / BITS[own];
  const type = CHOICES.find((type) => shared(type) > 0 && shared(type) >= least);
  return type ? { own, type, share: shared(type) } : null;
}
