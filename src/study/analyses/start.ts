/**
 * What `lamina start` measures: a profile, and what dropping costs along its orders. Sizes are smaller than those of `lamina figures`, so that
 * two cores need about a minute: the eight lowest modules of each kind are those of four times as many tokens (SmolLM2-135M, stories).
 */
import { type Checks, func } from "../../entry/mod.ts";
import { PAPER_SCORE, type Profile, type Sweep } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { CALIBRATION_TEXT, studyChecks, type StudyOptions } from "../base/options.ts";
import { runOptionsOf } from "../base/stage.ts";
import { runWork, step, type Study } from "../base/study.ts";
import { textOf } from "../base/text.ts";
import { profileStep } from "../passes/profile.ts";
import type { Curve } from "../sweep/curves.ts";
import { sweepStudy } from "../sweep/sweep.ts";

/** Options of the study; samples and length are the same for the profile and the losses. */
export interface StartOptions extends StudyOptions {
  /** Hears each result as soon as it is there. */
  readonly onFound?: ((result: Profile | Sweep) => void) | undefined;
}

/** The results. */
export interface Started {
  readonly profile: Profile;
  readonly sweep: Sweep;
}

const SIZE = { samples: 8, length: 512 } as const;
/** Attention and MLPs by importance. */
const CURVES = (["attention", "mlp"] as const).map((target): Curve => ({
  target,
  by: PAPER_SCORE,
  seed: null,
}));
/** Numbers of drops along them. */
const STEPS = [0, 1, 2, 4, 8];

const checks: Checks<StartOptions> = { ...studyChecks, onFound: func };

/** One price and one count of progress for all. */
export const startStudy: Study<StudyModel, StartOptions, Started> = {
  verb: "start with",
  checks,
  on: onModel,
  async work(model, { onFound, ...given }) {
    const options: StudyOptions = { ...SIZE, ...given };
    const text = textOf(model, options, CALIBRATION_TEXT);
    const measuring = profileStep(model, text, noDrop);
    const curves = { ...options, calibration: text.sizes, curves: CURVES, steps: STEPS };
    const planned = await sweepStudy.work(model, curves);
    const heard = async <T extends Profile | Sweep>(result: Promise<T>) => {
      onFound?.(await result);
      return await result;
    };
    const profiling = step(measuring.passes, (own) => heard(measuring.whole(own)));
    const sweeping = step(planned.steps.at(-1)!.passes, async (own) => {
      const profile = await profiling.whole(own);
      return await heard(runWork(await sweepStudy.work(model, { ...curves, profile }), own));
    });
    return {
      label: "start",
      model,
      tokens: planned.tokens,
      plans: planned.plans!,
      steps: [profiling, sweeping],
      async result(all) {
        const own = runOptionsOf(all);
        return { profile: await profiling.whole(own), sweep: await sweeping.whole(own) };
      },
    };
  },
};
