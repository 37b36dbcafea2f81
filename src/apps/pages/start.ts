/**
 * What `lamina start` measures: a profile, the smallest file within a divergence, and what dropping costs. Sizes are smaller than
 * those of `lamina figures`, so that two cores need a few minutes: the eight lowest modules of each kind are those of four times as many
 * tokens (SmolLM2-135M, stories).
 */
import { type Checks, func } from "core/entry/mod.ts";
import { type Fit, type FitOptions, fitStudy } from "../../features/fit/mod.ts";
import { PAPER_SCORE } from "core/result/mod.ts";
import { type Profile, profileStudy } from "../../features/profile/mod.ts";
import { type Curve, type Sweep, type SweepOptions, sweepStudy } from "../../features/sweep/mod.ts";
import { onModel, type StudyModel, type TextOptions } from "core/subject/mod.ts";
import { type RunOptions, studyChecks, type StudyOptions } from "core/study/options.ts";
import { runOptionsOf, type Step, step } from "core/study/stage.ts";
import { runWork, type Study, tokensIn } from "core/study/study.ts";

/** Options of the study. The profile and the curves are over so many samples, the fit over twice as many: half of them confirm. */
export interface StartOptions extends StudyOptions {
  /** Called with the profile, and later with the answer, as soon as each is there. */
  readonly onMeasured?: ((result: Profile | Fit) => void) | undefined;
}

export interface Started {
  readonly profile: Profile;
  readonly fit: Fit;
  readonly sweep: Sweep;
}

/** The divergence that the pages' answer is about. */
export const PROMISE = { kld: 0.05 } as const;

type Size = Pick<TextOptions, "samples" | "length">;
const SIZE: Size = { samples: 8, length: 512 };
/** The longest blocks that a fit needs: a divergence varies between texts, not with what lies far back. */
const FITTED = 256;
const TARGETS = ["attention", "mlp"] as const;
/** Numbers of drops along the curves; the answer's comes on top. */
const STEPS = [0, 1, 2, 4, 8];

const checks: Checks<StartOptions> = {
  ...studyChecks,
  onMeasured: func,
};

/** One price and one count of progress for all. */
export const startStudy: Study<StudyModel, StartOptions, Started> = {
  verb: "start with",
  checks,
  on: onModel,
  async work(model, { onMeasured, ...given }) {
    const options: StudyOptions & Size = { ...SIZE, ...given };
    const { samples, length } = options;
    const named = options.text === undefined ? {} : { text: options.text };
    const fitting: FitOptions = { ...fitOptions(options), calibration: { ...named, samples, length } };
    const curves = curvesFor(options, null);
    const [measuring, finding, sweeping] = [
      await profileStudy.work(model, options),
      await fitStudy.work(model, fitting),
      await sweepStudy.work(model, curves),
    ];
    const last = ({ steps }: { readonly steps: readonly Step[] }) => steps.at(-1)!.passes;
    const profiled = step(last(measuring), async (own) => {
      const profile = await runWork(measuring, own);
      onMeasured?.(profile);
      return profile;
    });
    const found = step(finding.steps.flatMap(({ passes }) => passes), async (own) => {
      const fit = await runWork(await fitStudy.work(model, fitting), own);
      onMeasured?.(fit);
      return fit;
    });
    const swept = step(last(sweeping), async (own) => {
      const [profile, fit] = [await profiled.whole(own), await found.whole(own)];
      return await runWork(await sweepStudy.work(model, { ...curvesFor(options, fit), profile }), own);
    });
    /** All but the numbers of drops that the answer adds are known before it. */
    const find = async (own: RunOptions) => {
      const profile = await runWork(await profileStudy.work(model, options), own);
      await runWork(await sweepStudy.work(model, { ...curves, profile }), own);
    };
    return {
      label: "start",
      model,
      tokens: tokensIn(measuring) + tokensIn(finding),
      plans: finding.plans! + sweeping.plans!,
      steps: [profiled, found, { ...swept, find }],
      async result(all: RunOptions) {
        const own = runOptionsOf(all);
        return {
          profile: await profiled.whole(own),
          fit: await found.whole(own),
          sweep: await swept.whole(own),
        };
      },
    };
  },
};

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
