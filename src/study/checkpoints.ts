/**
 * Redundancy through training (paper, claim C3: attention redundancy persists throughout training; v6, figure 7).
 *
 * A profile at every checkpoint of a series, on one text. Each checkpoint is a result of its own, a series of one, and is
 * kept under what is known before its weights are opened: an interrupted study resumes where it stopped and reads no
 * weights of finished checkpoints. With quality, half of the attention, MLP and block modules are dropped at
 * each step by that step's own importance.
 */
import { KINDS } from "../measure/mod.ts";
import { type Checks, displayable, enter, expect, phases, reportsOf, text, within } from "../entry/mod.ts";
import {
  type CheckpointProfile,
  type Checkpoints,
  head,
  keptOr,
  type Provenance,
  type Sweep,
} from "../result/mod.ts";
import { noDrop } from "../run/mod.ts";
import { flopsOf } from "./estimate.ts";
import { CALIBRATION_TEXT, provenance, studyChecks, type StudyOptions, textOptions } from "./options.ts";
import { profileBlocks } from "./profile.ts";
import type { Curve } from "./sweep/curves.ts";
import { sweep } from "./sweep/sweep.ts";
import {
  aSeries,
  type Checkpoint,
  type Outline,
  packText,
  type Series,
  type StudyModel,
} from "../subject/mod.ts";

/** Options of `checkpoints`. */
export interface CheckpointsOptions extends StudyOptions {
  /** Text for measuring quality with half of the modules dropped, at each step; by default, quality is not measured. */
  readonly quality?: string | undefined;
}

/** What is dropped, half of each, at every step. */
const HALVES: readonly Curve[] = KINDS.map((target) => ({
  target,
  by: "importance",
  seed: null,
}));

/**
 * Profiles every checkpoint of a series. Finished checkpoints stay in `results` if the signal ends the study.
 *
 * @example
 * ```ts
 * import { checkpoints, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * console.log(result.series.map(({ step, attention }) => [step, attention.importance]));
 * ```
 */
export async function checkpoints(series: Series, options: CheckpointsOptions = {}): Promise<Checkpoints> {
  expect("profile checkpoints", "series", series, aSeries);
  return await enter("profile checkpoints", series.name, options, checks, (told) => profileAll(series, told));
}

const checks: Checks<CheckpointsOptions> = { ...studyChecks, quality: text };

async function profileAll(series: Series, options: CheckpointsOptions): Promise<Checkpoints> {
  const total = series.checkpoints.length;
  const phase = phases(series.name, series.checkpoints.map(() => 1), options.onProgress);
  const results: CheckpointProfile[] = [];
  let kept = 0;
  for (const [i, checkpoint] of series.checkpoints.entries()) {
    options.signal?.throwIfAborted();
    const found = await atCheckpoint(series.name, checkpoint, within(options, phase(i)));
    results.push(found.result);
    if (found.kept) kept++;
  }
  if (kept > 0) {
    options.onNotice?.(`${series.name}: ${kept} of ${total} checkpoints kept from an earlier run`);
  }
  return displayable({ ...head("checkpoints"), name: series.name, series: results });
}

async function atCheckpoint(
  series: string,
  checkpoint: Checkpoint,
  options: CheckpointsOptions,
): Promise<{ result: CheckpointProfile; kept: boolean }> {
  const { step, name } = checkpoint;
  const closed = await checkpoint.outline(reportsOf(options));
  let model: StudyModel | undefined;
  try {
    const { quality } = options;
    const sizes = textOptions(options, CALIBRATION_TEXT);
    // The full model and the three drops, each with its predictions, and the full model to hold them against.
    const [pass, scored] = [false, true].map((head) =>
      flopsOf(closed, [{ ...sizes, plans: [noDrop], head }])
    );
    const weights = [0, pass, quality === undefined ? 0 : pass + 4 * scored];
    const phase = phases(`step ${step}`, weights, options.onProgress);
    const packed = await packText(closed, sizes, within(reportsOf(options), phase(0)));
    const key = await keyOf(closed, step, packed, options);
    const measured = async (): Promise<Checkpoints> => {
      model = await closed.open();
      const origin = await provenance(model, packed, noDrop, options);
      const profile = await profileBlocks(model, packed.blocks, origin, name, within(options, phase(1)));
      const dropped = await qualityOf(model, profile, within(options, phase(2)));
      return { ...head("checkpoints"), name: series, series: [{ ...profile, step, quality: dropped }] };
    };
    const { result: { series: [result] }, kept } = await keptOr("checkpoints", key, measured, options);
    return { result, kept };
  } finally {
    (model ?? closed).close();
  }
}

/** All that a checkpoint's numbers depend on; its files' fingerprint stands for the weights' format. */
async function keyOf(
  closed: Outline,
  step: number,
  packed: Awaited<ReturnType<typeof packText>>,
  options: CheckpointsOptions,
): Promise<Provenance & { step: number; quality: string | null }> {
  const model = { ...closed, identity: { ...closed.identity, format: "" } };
  const quality = options.quality === undefined
    ? null
    : (await packText(closed, textOptions({ ...options, text: options.quality }, ""), reportsOf(options)))
      .text
      .hash;
  return { ...await provenance(model, packed, noDrop, options), step, quality };
}

async function qualityOf(
  model: StudyModel,
  profile: Omit<CheckpointProfile, "step" | "quality">,
  { quality, ...options }: CheckpointsOptions,
): Promise<Sweep | null> {
  if (quality === undefined) return null;
  const half = Math.floor(model.spec.layers.length / 2);
  return await sweep(model, profile, HALVES, [0, half], { ...options, text: quality });
}
