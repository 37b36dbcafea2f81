/** From what the probes of the causes saw to the means that the result holds. Pure. */
import type { AttentionStats } from "../../kernels/mod.ts";
import {
  type LayerModule,
  mean,
  PATTERN_NAMES,
  type PatternName,
  sinkRate,
  SMOOTHING_NAMES,
  type SmoothingName,
  standardError,
} from "../../measure/mod.ts";
import {
  type Causes,
  type EffectsRow,
  type PatternsRow,
  planData,
  type Smoothed,
  type SmoothingRow,
  type WholeRow,
} from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";

/** Means over the queries of a sample, by head [H]; null where no query has the statistic. */
type HeadMeans = NonNullable<PatternsRow[number]>;

/** The means of one sample's statistics. */
export function headMeans({ positions, stats }: AttentionStats): HeadMeans {
  const means = (name: PatternName) => {
    // A query that sees itself alone has no entropy to normalise.
    const counted = [...positions.keys()].filter((i) => name !== "normalizedEntropy" || positions[i] > 0);
    const heads = stats[name].length / positions.length;
    return Array.from(
      { length: heads },
      (_, h) => finiteMean(counted.map((i) => stats[name][h * positions.length + i])),
    );
  };
  return Object.fromEntries(PATTERN_NAMES.map((name) => [name, means(name)])) as HeadMeans;
}

/** Means over samples of every statistic, by layer and head [L][H]; null for a layer without attention. */
export function patternMeans(samples: readonly PatternsRow[]): Causes["patterns"] {
  const of = (name: PatternName) =>
    samples[0].map((first, l) =>
      first && first[name].map((_, h) => finiteMean(present(samples.map((layers) => layers[l]![name][h]))))
    );
  return Object.fromEntries(PATTERN_NAMES.map((name) => [name, of(name)])) as Causes["patterns"];
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
  const each = <T>(of: (name: SmoothingName) => T) =>
    Object.fromEntries(SMOOTHING_NAMES.map((name) => [name, of(name)])) as Record<SmoothingName, T>;
  const layers = samples[0].plans[plan];
  const curve = (kind: LayerModule) =>
    each((name) => {
      const values = layers.map((_, l) =>
        present(samples.map(({ plans }) => plans[plan][l][kind]?.[name] ?? null))
      );
      return { mean: values.map(finiteMean), standardError: values.map(standardError) };
    });
  return {
    drop: planData(drop),
    embedding: each((name) => finiteMean(present(samples.map(({ embedding }) => embedding[name])))),
    attention: curve("attention"),
    mlp: curve("mlp"),
  };
}

/** How far each update of layer l moved, ‖u − u_full‖ / ‖u_full‖, for layers after the one dropped by plan number `plan`. */
export function effectRow(
  dropped: number,
  plan: number,
  samples: readonly EffectsRow[],
  kind: LayerModule,
): (number | null)[] {
  return samples[0][plan].map((_, l) => {
    const sums = present(samples.map((plans) => plans[plan][l][kind]));
    const sum = (key: "difference" | "reference") => sums.reduce((total, own) => total + own[key], 0);
    return l > dropped && sum("reference") > 0 ? Math.sqrt(sum("difference") / sum("reference")) : null;
  });
}

/** How long the updates of a kind are, and how much that varies. */
export function updateNorms(
  samples: readonly WholeRow[],
  kind: LayerModule,
): Pick<Causes["attention"], "norm" | "normSpread"> {
  const layers = samples[0].norms.map((_, l) => {
    const sums = present(samples.map(({ norms }) => norms[l][kind]));
    if (sums.length === 0) return { norm: null, spread: null };
    const mean = (key: "norm" | "square") =>
      sums.reduce((total, own) => total + own[key], 0) / sums.reduce((total, own) => total + own.tokens, 0);
    const norm = mean("norm");
    return { norm, spread: norm ? Math.sqrt(Math.max(0, mean("square") - norm ** 2)) / norm : null };
  });
  return { norm: layers.map(({ norm }) => norm), normSpread: layers.map(({ spread }) => spread) };
}

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

/** The mean of the values that are numbers; null of none. */
function finiteMean(values: readonly number[]): number | null {
  const finite = values.filter(Number.isFinite);
  return finite.length ? mean(finite) : null;
}
