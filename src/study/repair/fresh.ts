/** What a repair is worth on samples that neither fitted it nor chose its ridge, and the refusal of one that is no better than the drop. */
import { interval95, mean, standardError } from "../../measure/mod.ts";
import type { Perplexity, Plan } from "../../result/mod.ts";
import { RefusedRepair } from "../../run/mod.ts";
import { lossDifferences } from "../passes/perplexity.ts";
import type { Repairing } from "./fits.ts";

/** Losses on these samples. */
export type Fresh = NonNullable<NonNullable<Plan["repaired"]>["fresh"]>;

/** A repair that is no better than the drop on the samples held out of its fit. */
export class WorseRepair extends RefusedRepair {}

/** Why no repair of these samples can be compared with the drop. */
export const NOTHING_HELD_OUT =
  "nothing is held out of a single sample, so that the repair is not compared with the drop";

/** The losses of the full, the dropped and the repaired model, with what the repair saves. */
export function freshOf([full, dropped, repaired]: readonly Perplexity[]): Fresh {
  const differences = lossDifferences(dropped, repaired);
  return {
    samples: differences.length,
    ...{ full: full.nll, dropped: dropped.nll, repaired: repaired.nll },
    ...{ saved: mean(differences), savedError: standardError(differences) },
  };
}

/** Throws `WorseRepair` where the repair saves nothing over the drop, and tells where the samples may only seem to say that it does. */
export function expectBetter(
  { model: { name }, by }: Repairing,
  fresh: Fresh,
  tell: (line: string) => void,
): void {
  const { samples, dropped, repaired, saved, savedError } = fresh;
  const ends = interval95(saved, savedError, samples);
  const interval = samples === 1
    ? "one sample has no interval"
    : `95 % interval of what it saves: ${ends.map((end) => end.toFixed(3)).join(" to ")}`;
  const found = `its loss is ${repaired.toFixed(4)} nats a token on ${
    samples === 1 ? "the sample" : `the ${samples} samples`
  } held out`;
  if (!(saved > 0)) {
    throw new WorseRepair(
      `Cannot repair ${name} by ${by}: ${found}, expected less than the drop's ${
        dropped.toFixed(4)
      } (${interval}); ` +
        "use more samples or another repair",
    );
  }
  if (!(ends[0] > 0)) {
    tell(`${found}, and the drop's ${dropped.toFixed(4)} (${interval}): cannot tell which is better`);
  }
}
