/** The form of sweeps: what dropping more and more costs. */
import { REPAIRS } from "core/measure/mod.ts";
import { z } from "zod";
import { resultOf } from "core/entry/mod.ts";
import {
  byForm,
  dropForm,
  indices,
  kind,
  provenanceForm,
  riseForm,
  sharedForm,
  targetForm,
} from "core/result/mod.ts";
import { qualityForm } from "../losses/mod.ts";

/** Quality against the number of modules dropped, by what they were ordered by. */
export const sweepKind = kind("sweep", { method: 1 }, {
  /** Provenance of the full model on the text on which quality was measured. */
  provenance: provenanceForm,
  /** Provenance of the profile that gave the orders. */
  calibration: provenanceForm,
  /** The layers whose module is outsized on the calibration text (profile.ts). */
  outsized: z.object({ attention: indices, mlp: indices }),
  /** Provenance of the full model on the text on which repairs were fitted; absent where nothing was repaired. */
  repaired: provenanceForm.optional(),
  curves: z.array(z.object({
    target: targetForm,
    by: byForm,
    /** Seed of a random order. */
    seed: z.int().nullable(),
    /** How the dropped modules were repaired; absent where they were not. A number whose repair was refused has no point. */
    repair: z.object({
      by: z.enum(REPAIRS),
      /** Whether each repair was fitted on the repaired model's stream. */
      sequential: z.boolean(),
    }).optional(),
    points: z.array(z.object({
      dropped: z.int().nonnegative(),
      /** The modules dropped, or what takes their places. */
      drop: dropForm,
      ...qualityForm,
      /** Over the full model. */
      ...riseForm.shape,
      /** By sample, so that two plans are compared sample by sample; absent in files of before, whose plans nothing tells apart. */
      rises: z.array(z.number()).optional(),
    })),
  })),
  /** What the text shares with the calibration texts of the curves' plans; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** Quality by number of modules dropped, curve by curve. */
export type Sweep = z.infer<typeof sweepKind.form>;

/** The check of a sweep. */
export const aSweep = resultOf(sweepKind.name);
