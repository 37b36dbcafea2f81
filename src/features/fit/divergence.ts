/** Divergence of plans from the model as stored, and what it comes to with intervals over samples. */
import { sum } from "core/entry/mod.ts";
import { quantile, ratio95 } from "core/measure/mod.ts";
import type { TypesOf } from "core/result/mod.ts";
import type { DropPlan } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Measure, Shared } from "core/study/over.ts";
import type { Scope } from "core/study/scope.ts";
import type { Text } from "core/study/text.ts";
import { scoring } from "../losses/mod.ts";
import { type Divergence, divergenceSums, type Ends } from "./result.ts";
import type { Costs } from "./limits.ts";

/** The share of a sample's tokens whose divergences are kept: their largest give the 99 % quantile of all. */
const KEPT = 0.1;

/** The largest of a sample's divergences, largest first, with six digits. */
export const tailOf = (kl: Float64Array): number[] =>
  Array.from(
    kl.toSorted((a, b) => b - a).subarray(0, Math.ceil(KEPT * kl.length)),
    (value) => Number(value.toPrecision(6)),
  );

const { passes, measure } = scoring(true);
const diverging: Measure<unknown, TypesOf<typeof divergenceSums>> & { result: typeof divergenceSums } = {
  result: divergenceSums,
  passes,
  async measure(running, options) {
    const tails = running.requests.map((): number[][] => []);
    const sums = await measure(running, options, (plan, kl) => void tails[plan].push(tailOf(kl)));
    return sums.map((samples, plan) => ({
      sums: samples.map((sample, i) => ({ ...sample, tail: tails[plan][i] })),
    }));
  },
};

/** Where and under which name plans are measured. */
interface At {
  readonly model: StudyModel;
  readonly text: Text;
  /** What the progress calls it. */
  readonly title: string;
  /** The streams of the model as stored, which several calls share; its owner frees them. */
  readonly shared?: Shared;
  /** Whether an earlier call has made them. */
  readonly isShared?: boolean;
}

/** Divergences of groups of plans, each group one run. */
export async function divergencesIn(
  scope: Scope,
  { title, isShared, ...at }: At,
  groups: readonly (readonly DropPlan[])[],
): Promise<Divergence[][]> {
  const how = isShared
    ? {
      ...diverging,
      passes: (...[model, own, size, plans]: Parameters<typeof passes>) =>
        passes(model, own, size, plans, false),
    }
    : diverging;
  const nameOf = (group: number) =>
    groups.length > 1 ? `part ${group + 1} of ${groups.length}` : "layers and head";
  return await scope.over(how, {
    ...{ ...at, own: null, label: title, title, isCounted: true },
    nameOf,
  }, groups);
}

/** Costs with their 95 % intervals over samples. */
export interface Measured extends Costs {
  /** Nats that 99 % of the tokens lie below; a single number, since its intervals over a few samples do not cover. */
  readonly kld99: number;
  readonly same: Ends;
}

/** The numbers that a ratio can be. */
type Range = readonly [number, number];

/** The value that a share of `tokens` lies below, of which the largest are at hand. */
function upperQuantile(largest: readonly number[], tokens: number, share: number): number {
  const sorted = largest.toSorted((a, b) => a - b);
  const missing = tokens - sorted.length;
  const at = Math.max(0, (share * (tokens - 1) - missing) / Math.max(1, sorted.length - 1));
  return quantile(sorted, at);
}

/** What a plan costs, from its divergences and the loss of the model as stored on the same samples. */
export function costsOf({ sums }: Divergence, base: Divergence): Measured {
  const ratio = (range: Range, over: (sample: Divergence["sums"][number], i: number) => number) =>
    ratio95(sums.map((sample, i) => ({ over: over(sample, i), under: sample.tokens })), range)!;
  return {
    kld: ratio([0, Infinity], ({ kl }) => kl),
    kld99: upperQuantile(sums.flatMap(({ tail }) => tail), sum(sums, ({ tokens }) => tokens), 0.99),
    same: ratio([0, 1], ({ top1 }) => top1),
    loss: ratio([-Infinity, Infinity], ({ nll }, i) => nll - base.sums[i].nll),
  };
}
