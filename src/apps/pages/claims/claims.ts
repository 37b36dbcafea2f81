/**
 * Claims of the paper next to what a run measured: "Uncovering the Redundancy in Transformers via a Unified Study of Layer
 * Dropping" (TMLR 2026). The measurement is computed from results; whether it confirms the claim is for the reader to judge.
 */
import { MODULES } from "core/measure/mod.ts";
import {
  accuracyChange,
  type AccuracyCurve,
  accuracyCurves,
  type Evaluation,
  fullOf,
  isInRounds,
  meanAccuracy,
  meanOver,
} from "../../../features/evaluate/mod.ts";
import { aSweep, comparedAt, type Sweep } from "../../../features/sweep/mod.ts";
import { isByImportance } from "core/result/mod.ts";
import { magnitudeCorrelation, medianMagnitudes, type Profile } from "../../../features/profile/mod.ts";
import {
  endsText,
  formatFixed,
  formatPoints,
  formatShare,
  perplexityText,
  pointsText,
  rankText,
  reading,
} from "core/show/words/mod.ts";
import { expect, resultOf } from "core/entry/mod.ts";

/** One claim and its measurement. */
export interface Claim {
  /** "C1" */
  readonly id: string;
  /** The paper's statement, paraphrased. */
  readonly claim: string;
  /** The measurement of this run. */
  readonly measured: string;
}

/**
 * Returns the paper's claims that a profile and a sweep can check, with what they measured.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { claimsOf } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * for (const { id, claim, measured } of claimsOf(result)) console.log(id, claim, measured);
 * ```
 */
export function claimsOf(profile: Profile, sweep?: Sweep): Claim[] {
  expect("judge claims", "profile", profile, resultOf("profile"));
  if (sweep) expect("judge claims", "sweep", sweep, aSweep);
  return [...sweep ? droppingClaims(sweep) : [], ...magnitudeClaims(profile)];
}

/** Claims about dropping one kind of module, which both perplexity and accuracy can check. */
const DROPPING = {
  attention: {
    id: "C1",
    claim: "A large portion of the attention modules is redundant and can go without degrading performance.",
  },
  mlp: { id: "C2", claim: "Dropping MLP modules impairs the model severely; performance collapses." },
} as const;

export function droppingClaims(sweep: Sweep): Claim[] {
  const compared = comparedAt(sweep);
  const full = sweep.curves.flatMap(({ points }) => points).find(({ dropped }) => dropped === 0);
  if (!compared || !full) return [];
  const { model, packing } = sweep.provenance;
  const cost = (point: typeof full) =>
    reading`${compared.dropped} of ${model.layers} dropped: perplexity ${{ measured: full.perplexity }} →
      ${{ measured: point.perplexity }} (${perplexityText(point, packing.samples)}),
      ${{ share: point.top1 }} of top-1 predictions unchanged.`;
  return MODULES.map((kind) => ({ ...DROPPING[kind], measured: cost(compared[kind]) }));
}

/** How large the updates of each kind are, and how closely importance follows their size. */
export function magnitudeClaims(profile: Profile): Claim[] {
  const sizes = medianMagnitudes(profile);
  const ranks = ([["all", MODULES], ["attention", ["attention"]], ["MLP", ["mlp"]]] as const).map(
    ([name, kinds]) => {
      const found = magnitudeCorrelation(profile, kinds);
      return found && `${rankText(found.rank, found.modules)} over ${name} modules`;
    },
  );
  return [
    ...sizes
      ? [{
        id: "C7",
        claim: "One cause of attention's redundancy is the low magnitude of its outputs.",
        measured: reading`Median relative magnitude over the layers: ${{ measured: sizes.attention }} for
          attention, ${{ measured: sizes.mlp }} for the MLP; ${ratioText(sizes)}.`,
      }]
      : [],
    ...ranks.every((rank) => rank !== null)
      ? [{
        id: "C9",
        claim: "Cosine similarity captures magnitude implicitly.",
        measured: reading`Rank correlation of importance with relative magnitude: ${ranks}.`,
      }]
      : [],
  ];
}

/** "attention's is 0.57 times the MLP's (95 %: 0.55 to 0.60)"; no ratio from a single sample. */
function ratioText({ ratio, ends }: NonNullable<ReturnType<typeof medianMagnitudes>>): string {
  return ends
    ? `attention's is ${formatFixed(ratio, 2)} times the MLP's (${endsText(ends)})`
    : endsText(ends);
}

/**
 * Returns what every plan by importance costs in mean accuracy, paired over documents, with its 95 % interval and whether it is within the
 * evaluation's margin of the full model: yes, no, or that the documents cannot tell.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate, makePlan, profile } from "lamina";
 * import { accuracyClaims } from "lamina/figures";
 *
 * const importance = await profile("smollm2-135m");
 * const plans = [{}, makePlan(importance, { target: "attention", drop: 4 })];
 * const results = await evaluate("smollm2-135m", plans, { tasks: ["piqa", "arc_easy"], limit: 100 });
 * console.log(accuracyClaims(results)[0].measured);
 * ```
 */
export function accuracyClaims(results: readonly Evaluation[]): Claim[] {
  const curves = accuracyCurves(results);
  const full = fullOf(results);
  if (results.some(isInRounds)) {
    throw new RangeError(
      "Cannot state claims: found documents that were asked in rounds, expected all documents",
    );
  }
  return MODULES.flatMap((kind) => {
    const curve = curves.find((curve) => curve.target === kind && isByImportance(curve));
    return curve ? [{ ...DROPPING[kind], measured: costOf(curve, full) }] : [];
  });
}

function costOf({ points }: AccuracyCurve, full: Evaluation): string {
  const tasks = meanOver(full).map(({ name }) => name);
  const { layers } = full.provenance.model;
  const costs = points.slice(1).map(({ dropped, result }) => {
    const change = accuracyChange(result, full);
    return `${dropped} of ${layers}: ${pointsText(change)}, ${WORDS[change.verdict]}`;
  });
  const { margin, n } = accuracyChange(points.at(-1)!.result, full);
  return reading`Mean accuracy over ${tasks} (${n} documents), full model
    ${formatShare(meanAccuracy(full).value)}. ${costs.join("; ")}. Equal: within ${formatPoints(margin)}
    points (two one-sided tests, p < 0.05); not equal: the 95 % interval lies outside them.`;
}

const WORDS = { "yes": "equal", "no": "not equal", "cannot tell": "cannot tell" } as const;
