/**
 * Redundancy through training (paper, claim C3: attention redundancy persists throughout training; v6, figure 7).
 *
 * The study profiles every checkpoint of a series on one text. It keeps each checkpoint as a series of one, under a key that needs no
 * weights, so an interrupted study resumes where it stopped and reads no weights of finished checkpoints. With quality, half of the attention, MLP and block modules are dropped at
 * each step by that step's own importance.
 */
import { KINDS } from "core/measure/mod.ts";
import { displayable, enter, expect, type Of, option, reportsOf } from "core/entry/mod.ts";
import { type Checkpoints, checkpointsKind } from "./result.ts";
import { head, isEarlier } from "core/result/mod.ts";
import { type Profile, profileIn } from "../profile/mod.ts";
import { noDrop } from "core/run/mod.ts";
import {
  HELD_OUT_TEXT,
  studyChecks,
  type StudyOptions,
  tellReused,
  textOptions,
} from "core/study/options.ts";
import { type Scope, study } from "core/study/scope.ts";
import { type Price, run } from "core/study/study.ts";
import { type Curve, type Sweep, sweepStudy } from "../sweep/mod.ts";
import {
  aSeries,
  aText,
  type Checkpoint,
  type Outline,
  type Series,
  type StudyModel,
} from "core/subject/mod.ts";
import { textOf } from "core/study/text.ts";

/** The checks of `CheckpointsOptions`, option by option. */
export const checkpointsChecks = {
  ...studyChecks,
  /** Text for measuring quality with half of the modules dropped, at each step; by default, quality is not measured. */
  quality: option(
    aText,
    "[file|name] also measure perplexity on this text with half of the modules dropped",
    HELD_OUT_TEXT,
  ),
};

/** Options of `checkpoints`. */
export type CheckpointsOptions = Of<typeof checkpointsChecks>;

const HALVES: readonly Curve[] = KINDS.map((target) => ({ target, by: "importance", seed: null }));

/**
 * Profiles every checkpoint of a series. Finished checkpoints stay in `results` if the signal ends the study.
 *
 * @example
 * ```ts
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * console.log(result.series.map(({ step, attention }) => [step, attention.importance]));
 * ```
 */
export async function checkpoints(series: Series, options: CheckpointsOptions = {}): Promise<Checkpoints> {
  return await run(checkpointsStudy, series, options);
}

/** The first checkpoint's configuration stands for all in the price. */
export const checkpointsStudy = study<CheckpointsOptions, Checkpoints, Series, Price, Series>({
  verb: "profile checkpoints",
  label: ({ name }) => `checkpoints of ${name}`,
  checks: checkpointsChecks,
  on(verb, series, options, checks, use) {
    expect(verb, "series", series, aSeries);
    return enter(verb, series.name, options, checks, (options) => use(series, options));
  },
  async model(series, options) {
    const { spec, identity } = await firstOf(series, options);
    return { spec, identity: { name: series.name, fingerprint: identity.fingerprint } };
  },
  tokens(_, options) {
    const { samples, length } = textOptions(options);
    return samples * length;
  },
  plans: 1,
  async run(scope, series, options) {
    const { name, checkpoints } = series;
    const made = await scope.each(
      "checkpoints",
      checkpoints,
      (scope, checkpoint) => atCheckpoint(scope, name, checkpoint, options),
      { areAlike: true },
    );
    const all = made.map(({ series: [only] }) => only);
    const kept = made.filter(isEarlier).length;
    if (kept > 0) tellReused(scope.options, name, `${kept} of ${all.length} checkpoints`);
    return displayable({ ...head(checkpointsKind), name, series: all });
  },
  async depends(series, options) {
    return {
      model: (await firstOf(series, options)).identity,
      series: series.checkpoints.map(({ step, name }) => [step, name]),
      text: textOptions(options),
      quality: options.quality ?? null,
    };
  },
});

async function firstOf({ checkpoints: [first] }: Series, options: CheckpointsOptions): Promise<Outline> {
  if (!first) throw new RangeError("Cannot profile checkpoints: the series is empty, expected a checkpoint");
  const closed = await first.outline(reportsOf(options));
  closed.close();
  return closed;
}

/** A checkpoint as a series of one: kept by its files' fingerprint, which stands for the weights' format. */
async function atCheckpoint(
  scope: Scope,
  series: string,
  { step, name, outline }: Checkpoint,
  { quality, ...options }: CheckpointsOptions,
): Promise<Checkpoints> {
  const closed = await outline(reportsOf(scope.options));
  let model: StudyModel | undefined;
  try {
    const text = textOf(closed, options);
    const named = { ...closed, identity: { ...closed.identity, format: "" } };
    const provenance = await scope.origin(named, text);
    const held = quality === undefined
      ? null
      : { provenance: await scope.origin(named, textOf(closed, { ...options, text: quality })) };
    const request = { provenance, series: [{ provenance, step, quality: held }] };
    return await scope.kept(checkpointsKind, `${series}: step ${step}`, request, async () => {
      model = await scope.open(closed);
      const profile = await profileIn(scope, model, text, noDrop, { label: name });
      const dropped = quality === undefined ? null : await qualityOf(scope, model, profile, quality, options);
      return { name: series, series: [{ ...profile, step, quality: dropped }] };
    }, false);
  } finally {
    (model ?? closed).close();
  }
}

async function qualityOf(
  scope: Scope,
  model: StudyModel,
  profile: Profile,
  text: string,
  options: StudyOptions,
): Promise<Sweep> {
  const half = Math.floor(model.spec.layers.length / 2);
  const halves = { ...options, text, profile, curves: HALVES, steps: [0, half] };
  const { shared: _, ...kept } = await sweepStudy.in(scope, model, halves); // what is kept does not depend on the texts of this machine
  return kept;
}
