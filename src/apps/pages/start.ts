/**
 * What `lamina start` measures: a profile, the smallest file within a divergence, and what dropping costs. Sizes are smaller than
 * those of `lamina figures`, so that two cores need a few minutes: the eight lowest modules of each kind are those of four times as many
 * tokens (SmolLM2-135M, stories).
 */
import { type Check, func, type Of, sum } from "core/entry/mod.ts";
import { type Fit, type FitOptions, fitStudy } from "../../features/fit/mod.ts";
import { PAPER_SCORE } from "core/result/mod.ts";
import { type Profile, profileIn } from "../../features/profile/mod.ts";
import { type Curve, type Sweep, type SweepOptions, sweepStudy } from "../../features/sweep/mod.ts";
import { noDrop } from "core/run/mod.ts";
import type { TextOptions } from "core/subject/mod.ts";
import { studyChecks, type StudyOptions } from "core/study/options.ts";
import { study } from "core/study/scope.ts";
import { textOf } from "core/study/text.ts";

export type Started = { readonly profile: Profile; readonly fit: Fit; readonly sweep: Sweep };

/** The divergence that the pages' answer is about. */
export const PROMISE = { kld: 0.05 } as const;

type Size = Pick<TextOptions, "samples" | "length">;
const SIZE: Size = { samples: 8, length: 512 };
/** The longest blocks that a fit needs: a divergence varies between texts, not with what lies far back. */
const FITTED = 256;
const TARGETS = ["attention", "mlp"] as const;
/** Numbers of drops along the curves; the answer's comes on top. */
const STEPS = [0, 1, 2, 4, 8];

const startChecks = {
  ...studyChecks,
  /** Called with the profile, and later with the answer, as soon as each is there. */
  onMeasured: func as Check<(result: Profile | Fit) => void>,
};

/** Options of the study. The profile and the curves use `samples`, the fit twice as many, half of which confirm. */
export type StartOptions = Of<typeof startChecks>;

/** One price and one count of progress for all. */
export const startStudy = study<StartOptions, Started>({
  verb: "start with",
  label: () => "start",
  checks: startChecks,
  tokens: (model, { onMeasured: _, ...given }) => {
    const texts = [textOf(model, sized(given)), textOf(model, fitOptions(sized(given)))];
    return sum(texts, ({ sizes: { samples, length } }) => samples * length);
  },
  async run(scope, model, { onMeasured, ...given }) {
    const options = sized(given);
    const { samples, length } = options;
    const label = `profile of ${model.name}`;
    const profile = await profileIn(scope, model, textOf(model, options), noDrop, { label, title: label });
    scope.tell(() => onMeasured?.(profile));
    const named = options.text === undefined ? {} : { text: options.text };
    const calibration = { ...named, samples, length };
    const fit = await fitStudy.in(scope, model, { ...fitOptions(options), calibration });
    scope.tell(() => onMeasured?.(fit));
    const curves = scope.likely(() => curvesFor(options, fit), () => curvesFor(options, null));
    return { profile, fit, sweep: await sweepStudy.in(scope, model, { ...curves, profile }) };
  },
});

const sized = (
  { samples = SIZE.samples, length = SIZE.length, ...options }: StudyOptions,
): StudyOptions & Size => ({ ...options, samples, length });

/** Options of the fit beside curves of so many samples: as many choose, and as many confirm. */
export function fitOptions(options: StudyOptions): FitOptions {
  const { samples = SIZE.samples, length = SIZE.length } = options;
  return { ...options, ...PROMISE, samples: Math.max(4, 2 * samples), length: Math.min(FITTED, length) };
}

/** Attention and MLPs by importance, also at the numbers that the answer drops. */
function curvesFor(options: StudyOptions & Size, fit: Fit | null): SweepOptions {
  const { samples, length } = options;
  const dropped = TARGETS.flatMap((target) => fit?.plan?.[target].length ?? []);
  return {
    ...options,
    calibration: { samples, length },
    curves: TARGETS.map((target): Curve => ({ target, by: PAPER_SCORE, seed: null })),
    steps: [...new Set([...STEPS, ...dropped])].sort((a, b) => a - b),
  };
}
