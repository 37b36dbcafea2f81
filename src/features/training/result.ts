import { z } from "zod";
import { kind, type Provenance } from "core/result/mod.ts";
import { sweepKind } from "../sweep/mod.ts";
import { profileKind } from "../profile/mod.ts";

const checkpointForm = profileKind.form.extend({
  /** Optimiser steps so far. */
  step: z.int().nonnegative(),
  /** The full model and half of the attention, MLP or block modules dropped by this step's importance; null if not requested. */
  quality: sweepKind.form.nullable(),
});
export type CheckpointProfile = z.infer<typeof checkpointForm>;

/** What a series of one checkpoint depends on, known before its weights are opened: its files' fingerprint stands for their format. */
export function checkpointOrigin(
  { provenance, step, quality }: CheckpointProfile,
): Provenance & { step: number; quality: string | null } {
  const model = { ...provenance.model, format: "" };
  return { ...provenance, model, step, quality: quality && quality.provenance.text.hash };
}

export const checkpointsKind = kind("checkpoints", {
  method: 1,
  origin: ({ series: [only] }) => checkpointOrigin(only),
}, {
  name: z.string(),
  series: z.array(checkpointForm).min(1).refine(
    (series) => series.every(({ step }, i) => i === 0 || step > series[i - 1].step),
    "found steps out of order, expected increasing ones",
  ),
});
/** Profiles of the checkpoints of one training run, in the order of their steps. */
export type Checkpoints = z.infer<typeof checkpointsKind.form>;
