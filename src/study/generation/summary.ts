/** Means, slopes and shares of what was found step by step, with intervals over the prompts or documents. */
import { type Estimate, meanPart, PREDICTION_MEASURES, ratio95, slopePart } from "../../measure/mod.ts";
import type { Generation, TextChanges } from "../../result/mod.ts";

type Plan = Generation["plans"][number];
type Beside = Plan["forced"];

/** A plan beside the full model, over `tokens` steps of its texts. */
export function besideOf(texts: readonly TextChanges[], tokens: number): Beside {
  return {
    steps: Array.from({ length: tokens }, (_, step) => stepOf(texts, step)),
    means: meansOf(texts),
    slopes: {
      kl: ratio95(texts.map(({ variance, kl }) => slopePart(variance, kl))),
      distance: ratio95(texts.map(({ squares, distance }) => slopePart(squares, distance))),
    },
    texts: [...texts],
  };
}

function stepOf(texts: readonly TextChanges[], step: number): Beside["steps"][number] {
  const there = texts.filter(({ kl }) => step < kl.length);
  const mean = (of: (text: TextChanges) => number | null) =>
    ratio95(there.map((text) => meanPart([of(text)])));
  return {
    texts: there.length,
    hidden: mean(({ hidden }) => hidden[step]),
    logits: mean(({ logits }) => logits[step]),
    probabilities: mean(({ distance }) => 1 - distance[step]),
  };
}

/** The means of every measure, over all steps of all texts. */
export function meansOf(texts: readonly TextChanges[]): Beside["means"] {
  const entries = PREDICTION_MEASURES.map((
    name,
  ) => [name, ratio95(texts.map((text) => meanPart(text[name])))]);
  return Object.fromEntries(entries) as Record<typeof PREDICTION_MEASURES[number], Estimate | null>;
}

/** By step, the share of texts that are the full model's so far, this step included. */
export function sameSoFar(
  own: readonly (readonly number[])[],
  full: readonly (readonly number[])[],
  tokens: number,
): number[] {
  return Array.from({ length: tokens }, (_, step) => {
    const same = own.filter((text, i) => {
      const [a, b] = [text.slice(0, step + 1), full[i].slice(0, step + 1)];
      return a.length === b.length && a.every((id, at) => id === b[at]);
    });
    return same.length / own.length;
  });
}
