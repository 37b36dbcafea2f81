/**
 * The form of a study of training: a profile at each checkpoint and, where quality was asked for, what dropping half of
 * each kind of module costs there. An entry is a profile like any other, with its step.
 */
import { z } from "zod";
import { profileForm } from "./profile.ts";
import { headForm } from "./provenance.ts";
import { sweepForm } from "./sweep.ts";

/** One checkpoint. */
const checkpointForm = profileForm.extend({
  /** Optimiser steps so far. */
  step: z.int().nonnegative(),
  /** The full model and half of the attention, MLP or block modules dropped by this step's importance; null if not requested. */
  quality: sweepForm.nullable(),
});
export type CheckpointProfile = z.infer<typeof checkpointForm>;

/** The checkpoints of one training run, in the order of their steps. */
export const checkpointsForm = z.object({
  ...headForm("checkpoints"),
  /** Name of the series. */
  name: z.string(),
  series: z.array(checkpointForm).min(1).refine(
    (series) => series.every(({ step }, i) => i === 0 || step > series[i - 1].step),
    "found steps out of order, expected increasing ones",
  ),
});
/** Profiles through training, by step. */
export type Checkpoints = z.infer<typeof checkpointsForm>;
