/** From what the probes of the causes saw to the means that the result holds. Pure. */
import type { AttentionStats } from "core/kernels/mod.ts";
import {
  type LayerModule,
  meanIn,
  MODULES,
  PATTERN_NAMES,
  present,
  ratio95,
  sinkRate,
  SMOOTHING_NAMES,
  standardError,
} from "core/measure/mod.ts";
import type { Causes, EffectsRow, PatternsRow, Smoothed, SmoothingRow, WholeRow } from "./result.ts";
import { planData } from "core/result/mod.ts";
import type { DropPlan } from "core/run/mod.ts";
import { eachOf, sum } from "core/entry/mod.ts";

/** Means over the queries of a sample, by head [H]; null where no query has the statistic. */
type HeadMeans = NonNullable<PatternsRow[number]>;

export function headMeans({ positions, stats }: AttentionStats): HeadMeans {
  return eachOf(PATTERN_NAMES, (name) => {
    // A query that sees itself alone has no entropy to normalise.
    const counted = [...positions.keys()].filter((i) => name !== "normalizedEntropy" || positions[i] > 0);
    const heads = stats[name].length / positions.length;
    const of = (h: number) => meanIn(counted.map((i) => stats[name][h * positions.length + i]));
    return Array.from({ length: heads }, (_, h) => of(h));
  });
}

/** Means over samples of every statistic, by layer and head [L][H]; null for a layer without attention. */
export function patternMeans(samples: readonly PatternsRow[]): Causes["patterns"] {
  return eachOf(
    PATTERN_NAMES,
    (name) =>
      samples[0].map((first, l) =>
        first && first[name].map((_, h) => meanIn(samples.map((layers) => layers[l]![name][h])))
      ),
  );
}

/**
 * The sink of the first token as published. `score` [L][H] is the mean over the queries of a sample, the first one included, then over
 * samples. `rate` does not average over samples: it is the share of all heads, layers and samples whose mean over queries is above the
 * threshold.
 */
export function sinkOf(samples: readonly PatternsRow[], threshold: number): Causes["sink"] {
  const scores = samples[0].flatMap((_, l) =>
    samples.flatMap((layers) => present(layers[l]?.firstShare ?? []))
  );
  return {
    score: patternMeans(samples).firstShare,
    rate: scores.length > 0 ? sinkRate(scores, threshold) : null,
  };
}

/** Smoothing by depth under plan number `plan`. */
export function smoothedOf(drop: DropPlan, plan: number, samples: readonly SmoothingRow[]): Smoothed {
  const layers = samples[0].plans[plan];
  const curve = (kind: LayerModule) =>
    eachOf(SMOOTHING_NAMES, (name) => {
      const values = layers.map((_, l) =>
        present(samples.map(({ plans }) => plans[plan][l][kind]?.[name] ?? null))
      );
      return { mean: values.map(meanIn), standardError: values.map(standardError) };
    });
  return {
    drop: planData(drop),
    embedding: eachOf(SMOOTHING_NAMES, (name) => meanIn(samples.map(({ embedding }) => embedding[name]))),
    ...eachOf(MODULES, curve),
    change: changeOf(
      samples.map(({ embedding, plans }) => [leaving(embedding, plans[plan]), leaving(embedding, plans[0])]),
    ),
  };
}

/** The mean cosine of the stream that leaves the last layer. */
function leaving(embedding: SmoothingRow["embedding"], layers: SmoothingRow["plans"][number]): number | null {
  return (layers.flatMap(({ attention, mlp }) => present([attention, mlp])).at(-1) ?? embedding).meanCosine;
}

/** The mean of what pairs differ by. */
function changeOf(pairs: readonly (readonly [after: number | null, before: number | null])[]) {
  const changes = pairs.flatMap(([after, before]) =>
    after === null || before === null ? [] : [after - before]
  );
  return ratio95(changes.map((over) => ({ over, under: 1 })));
}

/** How far each update of layer l moved, ‖u − u_full‖ / ‖u_full‖, for layers after the one dropped by plan number `plan`. */
export function effectRow(dropped: number, plan: number, samples: readonly EffectsRow[], kind: LayerModule) {
  return samples[0][plan].map((_, l) => {
    const sums = present(samples.map((plans) => plans[plan][l][kind]));
    const [difference, reference] = [sum(sums, (own) => own.difference), sum(sums, (own) => own.reference)];
    return l > dropped && reference > 0 ? Math.sqrt(difference / reference) : null;
  });
}

/** How long the updates of a kind are, and how much that varies. */
export function updateNorms(samples: readonly WholeRow[], kind: LayerModule) {
  const layers = samples[0].norms.map((_, l) => {
    const sums = present(samples.map(({ norms }) => norms[l][kind]));
    if (sums.length === 0) return { norm: null, spread: null };
    const tokens = sum(sums, (own) => own.tokens);
    const mean = (key: "norm" | "square") => sum(sums, (own) => own[key]) / tokens;
    const norm = mean("norm");
    return { norm, spread: norm ? Math.sqrt(Math.max(0, mean("square") - norm ** 2)) / norm : null };
  });
  return { norm: layers.map(({ norm }) => norm), normSpread: layers.map(({ spread }) => spread) };
}
