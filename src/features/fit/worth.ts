/** Whether the answer of a fit is worth its trouble on this machine, and what larger savings would cost. */
import { planHash, type Verdict } from "core/measure/mod.ts";
import { type Fit, HARMS } from "./result.ts";

/** The share of the file, or of the speed of writing, from which a plan is worth it. */
export const WORTH = 0.05;
/** A fit before its verdict. */
type Unjudged = Omit<Fit, "verdict">;

/** What the shares of an output are of: the model's own files, or those in the format with every module where they are smaller; null without files, of the weights. */
export function baseOf(
  { file }: Pick<Fit, "file">,
): { readonly bytes: number; readonly isOwn: boolean } | null {
  return file ? { bytes: Math.min(file.original, file.whole), isOwn: file.original <= file.whole } : null;
}

/** The share of its base that a plan saves; below 0 where its file is larger. */
export function sharedSaving(fit: Pick<Fit, "file">, { bytes, saves }: Fit["tried"][number]): number {
  const base = baseOf(fit);
  if (!base) return saves.parametersShare;
  return bytes ? 1 - bytes / base.bytes : 0;
}

/** What the samples say of a plan: its cost on those that confirm, where it was confirmed, else on those that chose. */
export function costIn({ tried, confirmed }: Unjudged, place: number) {
  const plan = planHash(tried[place].drop);
  const test = confirmed.find((one) => planHash(tried[one.tried].drop) === plan); // two kinds may have tried it
  return { cost: (test ?? tried[place]).cost, confirmed: test !== undefined };
}

/** Whether an aim limits the cost; the others limit what is saved from below, and only their reader knows what that is worth. */
export const limitsCost = ({ of }: Pick<Fit["aim"], "of">): boolean =>
  of === "loss" || of === "perplexity" || of === "accuracy";

/** What samples, sizes and times decide about the answer: whether it is worth it, by `WORTH` of the file or of the time per token. */
export function verdictOf(fit: Unjudged): Fit["verdict"] {
  const { answer, tried, confirmed, times } = fit;
  const larger = largerSavings(fit);
  if (answer === null) {
    const tests = [...tried.filter((_, i) => !confirmed.some((test) => test.tried === i)), ...confirmed];
    const worth = tests.some(({ keeps }) => keeps !== "no") ? "cannot tell" : "no";
    return { worth, size: null, speed: null, share: null, harm: null, larger };
  }
  const { cost: { value } } = costIn(fit, answer);
  const harm = fit.unit === "points" ? null : HARMS.findLast((harm) => value >= SUFFERS[harm]) ?? null;
  const common = { share: sharedSaving(fit, tried[answer]), harm, larger };
  if (!limitsCost(fit.aim)) return { worth: null, size: null, speed: null, ...common };
  const size = common.share >= WORTH ? "yes" : "no";
  const { low, high } = times?.decode ?? { low: 1, high: 1 };
  const speed: Verdict = low >= 1 + WORTH ? "yes" : high < 1 + WORTH ? "no" : "cannot tell";
  return { worth: size === "yes" ? size : speed, size, speed: times && speed, ...common };
}

/** Whether the quartiles of the rounds say that a plan is faster, or slower. */
export const isClearPace = ({ low, high }: NonNullable<Fit["times"]>["decode"]): boolean =>
  low > 1 || high < 1;

/** Nats per token from which SmolLM2's greedy text was seen to suffer so (docs/log.md, "What a smaller model writes, by its cost"). */
const SUFFERS = { phrases: 0.1, sentences: 0.3, sense: 1 } as const satisfies Record<
  typeof HARMS[number],
  number
>;

/** Rounds of one machine scatter less than this unless something else ran beside them. */
const QUIET = 1.1;

/** Whether the times of the answer scatter as they do on a busy machine. */
export const isBusy = ({ low, high }: NonNullable<Fit["times"]>["decode"]): boolean => high > QUIET * low;

/** Plans that save more than the answer, smallest first: none of them saves less than another that costs less. Each saves half as much again as the one before. */
function largerSavings(fit: Unjudged): Fit["verdict"]["larger"] {
  const { tried, answer } = fit;
  const places = new Map([...tried.entries()].map(([place, { drop }]) => [planHash(drop), place]));
  const least = answer === null ? 0 : Math.max(0, sharedSaving(fit, tried[answer]));
  const larger = [...places.values()]
    .map((place) => ({ tried: place, share: sharedSaving(fit, tried[place]), ...costIn(fit, place) }))
    .filter(({ share }) => share > least)
    .sort((a, b) => b.share - a.share || a.cost.value - b.cost.value);
  const cheapest = larger.filter(({ cost }, i) =>
    larger.slice(0, i).every((one) => cost.value < one.cost.value)
  );
  const next: typeof larger = [];
  for (const one of cheapest.toReversed()) {
    if (next.length === 0 || one.share >= 1.5 * next.at(-1)!.share) next.push(one);
  }
  return next;
}
