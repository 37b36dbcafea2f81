/** The form of a study of depth: the path of the stream, and predictions on its way. */
import { z } from "zod";
import { DEPTH_MEASURES, EFFECTIVE, effectiveDepth, meansOf } from "./measures.ts";
import { depends, estimateForm, head, kind, provenanceForm, summed } from "core/result/mod.ts";
import { displayable, eachOf } from "core/entry/mod.ts";

const byMeasure = <T extends z.ZodType>(of: T) => z.record(z.enum(DEPTH_MEASURES), z.array(of));

/** It depends on the tokens too, and on the most frequent ones of the whole text. */
export const depthKind = kind("depth", {
  method: 3,
  merges: true,
  origin: depends("stride", "rows", "frequent"),
}, {
  provenance: provenanceForm,
  /** Every nth token of a sample is measured. */
  stride: z.int().positive(),
  /** Measured tokens of a sample at which the head reads every layer, at most. */
  rows: z.int().positive(),
  /** The most frequent tokens of the text, at most ten. */
  frequent: z.array(z.int().nonnegative()),
  /** Effective depths, (l + 1) / L; null where no layer is found. */
  effective: z.record(z.enum(EFFECTIVE), estimateForm),
  /** Means over tokens by layer [L]. */
  measures: byMeasure(estimateForm),
  /** By sample: the sums behind the means, and the tokens of each. */
  samples: z.array(byMeasure(z.object({ over: z.number(), under: z.number() }))).refine(
    (all) => all.every((sums) => DEPTH_MEASURES.every((name) => sums[name].length === all[0][name].length)),
    "found samples with different numbers of layers, expected the same",
  ),
});
/** How far a model uses its depth. */
export type Depth = z.infer<typeof depthKind.form>;
/** What it is known by before it is made. */
type DepthRequest = Pick<Depth, "provenance" | "stride" | "rows" | "frequent">;

export function depthOf(
  { provenance, stride, rows, frequent }: DepthRequest,
  { samples }: Pick<Depth, "samples">,
): Depth {
  return displayable<Depth>({
    ...head(depthKind),
    ...{ provenance, stride, rows, frequent },
    effective: eachOf(EFFECTIVE, (name) => effectiveDepth(samples, name)),
    measures: eachOf(DEPTH_MEASURES, (name) => meansOf(samples, name)),
    samples,
  });
}

export const depthSums = summed<DepthRequest, Pick<Depth, "samples">, Depth>({
  kind: depthKind,
  known: { stride: "stride", rows: "rows", frequent: "the most frequent tokens" },
  join: (parts) => ({ samples: parts.flatMap(({ samples }) => samples) }),
  from: depthOf,
});
