/**
 * Redundancy through training (paper, claim C3: attention redundancy persists throughout training; v6, figure 7).
 *
 * The study profiles every checkpoint of a series on one text. It keeps each checkpoint as a series of one, under a key that needs no
 * weights, so an interrupted study resumes where it stopped and reads no weights of finished checkpoints. With quality, half of the attention, MLP and block modules are dropped at
 * each step by that step's own importance.
 */
import { KINDS } from "core/measure/mod.ts";
import { displayable, enter, expect, inParts, option, reportsOf } from "core/entry/mod.ts";
import { type Checkpoints, checkpointsKind } from "./result.ts";
import { head, keptOr } from "core/result/mod.ts";
import { type Profile, profileOver } from "../profile/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { bytesOf, flopsOf, type Pass, type Size } from "core/study/estimate.ts";
import {
  HELD_OUT_TEXT,
  provenance,
  studyChecks,
  type StudyOptions,
  tellReused,
  textOptions,
} from "core/study/options.ts";
import { divided, inTurn } from "core/study/stage.ts";
import { type Price, run, type Study } from "core/study/study.ts";
import { type Curve, sweep } from "../sweep/mod.ts";
import {
  aSeries,
  aText,
  type Checkpoint,
  type Outline,
  type Packed,
  type Series,
  type StudyModel,
} from "core/subject/mod.ts";
import { textOf } from "core/study/text.ts";

/** Options of `checkpoints`. */
export interface CheckpointsOptions extends StudyOptions {
  /** Text for measuring quality with half of the modules dropped, at each step; by default, quality is not measured. */
  readonly quality?: string | undefined;
}

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

/** What `checkpoints` consists of. The first checkpoint's configuration stands for all in the price. */
export const checkpointsStudy: Study<Series, CheckpointsOptions, Checkpoints, Price, Series> = {
  verb: "profile checkpoints",
  isDivisible: true,
  checks: {
    ...studyChecks,
    quality: option(
      aText,
      "[file|name] also measure perplexity on this text with half of the modules dropped",
      HELD_OUT_TEXT,
    ),
  },
  on(verb, series, options, checks, use) {
    expect(verb, "series", series, aSeries);
    return enter(verb, series.name, options, checks, (options) => use(series, options));
  },
  async work(series, options) {
    const { quality } = options;
    const sizes = textOptions(options);
    const { checkpoints: [first] } = series;
    if (!first) {
      throw new RangeError("Cannot profile checkpoints: the series is empty, expected a checkpoint");
    }
    const closed = await first.outline(reportsOf(options));
    closed.close();
    const { spec, identity } = closed;
    const passes = passesOf(sizes, quality !== undefined);
    const measuring = divided({ spec }, {
      unit: "checkpoints",
      units: series.checkpoints.length,
      passes: ({ from, to }) => passes.map((pass) => ({ ...pass, times: (to - from) * (pass.times ?? 1) })),
      bytes: () => bytesOf({ spec }, passes.slice(0, 1)),
      async run({ from, to }, runOptions) {
        const { name } = series, all = series.checkpoints.slice(from, to);
        const asked = { ...options, ...runOptions };
        const at = (checkpoint: Checkpoint, own: CheckpointsOptions) => atCheckpoint(name, checkpoint, own);
        const found = await inTurn(all, asked, at, { label: name });
        const kept = found.filter(({ kept }) => kept).length;
        if (kept > 0) tellReused(asked, name, `${kept} of ${all.length} checkpoints`);
        return found.map(({ result }) => result);
      },
    });
    return {
      label: `checkpoints of ${series.name}`,
      model: { spec, identity: { name: series.name, fingerprint: identity.fingerprint } },
      tokens: sizes.samples * sizes.length,
      steps: [measuring],
      result: async (options) =>
        displayable({ ...head(checkpointsKind), name: series.name, series: await measuring.whole(options) }),
      depends: () => ({
        model: identity,
        series: series.checkpoints.map(({ step, name }) => [step, name]),
        text: sizes,
        quality: quality ?? null,
      }),
    };
  },
};

/** The passes of a checkpoint: its profile; with quality, predictions of the full model and without each half. */
function passesOf({ samples, length }: Size, quality: boolean): Pass[] {
  const pass = { samples, length, plans: [noDrop], head: false };
  return [pass, ...quality ? [{ ...pass, head: true, times: 1 + HALVES.length }] : []];
}

async function atCheckpoint(series: string, checkpoint: Checkpoint, options: CheckpointsOptions) {
  const { step, name } = checkpoint;
  const closed = await checkpoint.outline(reportsOf(options));
  let model: StudyModel | undefined;
  try {
    const { quality } = options;
    const text = textOf(closed, options);
    const passes = passesOf(text.sizes, quality !== undefined);
    // Quality has one more pass of the full model, which the others are held against.
    const [profiling, dropping] = [passes.slice(0, 1), passes.length > 1 ? passes : []];
    const weights = {
      packing: 0,
      profiling: flopsOf(closed, profiling),
      dropping: flopsOf(closed, dropping),
    };
    const at = inParts(`step ${step}`, weights, options);
    const packed = await text.pack(at.packing);
    const key = await keyOf(closed, step, packed, options);
    const measured = async (): Promise<Checkpoints> => {
      model = await closed.open();
      const profile = await profileOver(model, text, noDrop, at.profiling, { label: name });
      const dropped = await qualityOf(model, profile, at.dropping);
      return { ...head(checkpointsKind), name: series, series: [{ ...profile, step, quality: dropped }] };
    };
    const { result: { series: [result] }, kept } = await keptOr(checkpointsKind, key, measured, options);
    return { result, kept };
  } finally {
    (model ?? closed).close();
  }
}

/** All that a checkpoint's numbers depend on; its files' fingerprint stands for the weights' format. */
async function keyOf(closed: Outline, step: number, packed: Packed, options: CheckpointsOptions) {
  const model = { ...closed, identity: { ...closed.identity, format: "" } };
  const own = { ...await provenance(model, packed, noDrop, options), step, quality: null as string | null };
  if (options.quality === undefined) return own;
  const { text } = await textOf(closed, { ...options, text: options.quality }).pack(options);
  return { ...own, quality: text.hash };
}

async function qualityOf(model: StudyModel, profile: Profile, { quality, ...options }: CheckpointsOptions) {
  if (quality === undefined) return null;
  const half = Math.floor(model.spec.layers.length / 2);
  const halves = { ...options, text: quality, profile, curves: HALVES, steps: [0, half] };
  const { shared: _, ...kept } = await sweep(model, halves); // what is kept does not depend on the texts of this machine
  return kept;
}
