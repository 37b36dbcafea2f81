/** Tokens in place of a text. */
import type { Reports } from "../../entry/mod.ts";
import { noticeBeyond, type StudyModel } from "../../subject/mod.ts";

/**
 * The ids of samples of equal length, [samples × T]. Throws `RangeError` for samples of different lengths and for an id that is not a
 * token of the model.
 */
export function idsOf(
  verb: string,
  { name, spec }: Pick<StudyModel, "name" | "spec">,
  samples: readonly ArrayLike<number>[],
  reports: Reports,
): Int32Array {
  const { vocabulary } = spec;
  const { length } = samples[0];
  const uneven = samples.findIndex((sample) => sample.length !== length);
  if (uneven > 0) {
    throw new RangeError(
      `Cannot ${verb}: ids[${uneven}] has ${samples[uneven].length} tokens, expected ${length}, as in ids[0]`,
    );
  }
  const all = samples.flatMap((sample) => Array.from(sample));
  const unknown = all.find((id) => id >= vocabulary);
  if (unknown !== undefined) {
    throw new RangeError(
      `Cannot ${verb}: id ${unknown} is not a token of ${name}, expected an id below ${vocabulary}`,
    );
  }
  noticeBeyond({ spec }, "samples", length, reports);
  return Int32Array.from(all);
}
