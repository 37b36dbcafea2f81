/**
 * What `lamina start` measures: a profile, the largest plan that keeps a promise, and what dropping costs around it. Sizes are smaller than
 * those of `lamina figures`, so that two cores need a few minutes: the eight lowest modules of each kind are those of four times as many
 * tokens (SmolLM2-135M, stories).
 */
import { type Checks, func, sum } from "core/entry/mod.ts";
import { type Fit, type FitOptions, fitStudy } from "../../features/fit/mod.ts";
import { PAPER_SCORE } from "core/result/mod.ts";
import { type Profile, profileIn } from "../../features/profile/mod.ts";
import { type Curve, type Sweep, type SweepOptions, sweepStudy } from "../../features/sweep/mod.ts";
import { noDrop } from "core/run/mod.ts";
import type { TextOptions } from "core/subject/mod.ts";
import { studyChecks, type StudyOptions } from "core/study/options.ts";
import { study } from "core/study/scope.ts";
import { textOf } from "core/study/text.ts";
import { orderingChecks } from "../../features/orders/mod.ts";

/** Options of the study. The profile and the curves are over so many samples, the fit over twice as many: half of them confirm. */
export interface StartOptions extends StudyOptions {
  /** Called with the profile, and later with the answer, as soon as each is there. */
  readonly onMeasured?: ((result: Profile | Fit) => void) | undefined;
  /** Whether the fit's orders are those of importance alone; by default, they are checked by removals. */
  readonly unchecked?: boolean | undefined;
}

export interface Started {
  readonly profile: Profile;
  readonly fit: Fit;
  readonly sweep: Sweep;
}

/** The rise of the perplexity that the pages' answer is about. */
export const PROMISE = { perplexity: 0.1 } as const;

/** Orders of types that need no measurement of their own. */
const UNMEASURED = ["rule", "uniform"] as const;

type Size = Pick<TextOptions, "samples" | "length">;
const SIZE: Size = { samples: 8, length: 512 };
const TARGETS: readonly Curve["target"][] = ["attention", "mlp"];
/** Numbers of drops along the curves; the answer's comes on top. */
const STEPS = [0, 1, 2, 4, 8];

const checks: Checks<StartOptions> = {
  ...studyChecks,
  onMeasured: func,
  unchecked: orderingChecks.unchecked,
};

/** One price and one count of progress for all. */
export const startStudy = study<StartOptions, Started>({
  verb: "start with",
  label: () => "start",
  checks,
  tokens: (model, { onMeasured: _, ...given }) => {
    const texts = [textOf(model, sized(given)), textOf(model, fitOptions(sized(given)))];
    return sum(texts, ({ sizes: { samples, length } }) => samples * length);
  },
  async run(scope, model, { onMeasured, unchecked, ...given }) {
    const options = sized(given);
    const { samples, length } = options;
    const label = `profile of ${model.name}`;
    const profile = await profileIn(scope, model, textOf(model, options), noDrop, { label, title: label });
    scope.tell(() => onMeasured?.(profile));
    const calibration = { samples, length };
    const fit = await fitStudy.in(scope, model, { ...fitOptions(options), unchecked, calibration, profile });
    scope.tell(() => onMeasured?.(fit));
    const curves = scope.likely(() => curvesFor(options, fit), () => curvesFor(options, null));
    return { profile, fit, sweep: await sweepStudy.in(scope, model, { ...curves, profile }) };
  },
});

const sized = (options: StudyOptions): StudyOptions & Size => ({ ...SIZE, ...options });

/** Options of the fit beside one profile, which ranks, and curves of so many samples: the samples that choose are those of the curves. */
export function fitOptions(options: StudyOptions): FitOptions {
  const { samples = SIZE.samples } = options;
  return { ...options, ...PROMISE, samples: Math.max(4, 2 * samples), typesBy: UNMEASURED };
}

/** Attention and MLPs by importance; where the answer drops another kind of modules, its curve too. */
function curvesFor(options: StudyOptions & Size, fit: Fit | null): SweepOptions {
  const { samples, length } = options;
  const found = fit && fit.answer !== null ? fit.tried[fit.answer] : null;
  const answer = found?.target === "types" ? null : found;
  const targets = new Set([...TARGETS, ...answer ? [answer.target as Curve["target"]] : []]);
  return {
    ...options,
    calibration: { samples, length },
    curves: [...targets].map((target): Curve => ({ target, by: PAPER_SCORE, seed: null })),
    steps: [...new Set([...STEPS, ...answer ? [answer.dropped] : []])].sort((a, b) => a - b),
  };
}
