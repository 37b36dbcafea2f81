/** From what the probes of the causes saw to the means that the result holds. Pure. */
import type { AttentionStats } from "../../kernels/mod.ts";
import {
  mean,
  PATTERN_NAMES,
  type PatternName,
  sinkRate,
  type Smoothing,
  SMOOTHING_NAMES,
  type SmoothingName,
  standardError,
} from "../../measure/mod.ts";
import type { Causes, Smoothed } from "../../result/mod.ts";
import type { DropPlan, LayerEffects, LayerNorms, LayerSmoothing } from "../../run/mod.ts";

/** Means over the queries of a sample, by head [H]; null where no query has the statistic. */
type HeadMeans = Readonly<Record<PatternName, (number | null)[]>>;

/** By layer and sample; null for a layer without attention. */
type Patterns = readonly (readonly HeadMeans[] | null)[];

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
export function patternMeans(layers: Patterns): Causes["patterns"] {
  const of = (name: PatternName) =>
    layers.map((samples) =>
      samples && samples[0][name].map((_, h) => finiteMean(present(samples.map((means) => means[name][h]))))
    );
  return Object.fromEntries(PATTERN_NAMES.map((name) => [name, of(name)])) as Causes["patterns"];
}

/** Mean share of the first token by head, and the published share of heads above the threshold. */
export function sinkOf(layers: Patterns, threshold: number): Causes["sink"] {
  const scores = layers.flatMap((samples) =>
    (samples ?? []).flatMap(({ firstShare }) => present(firstShare))
  );
  return {
    score: patternMeans(layers).firstShare,
    rate: scores.length > 0 ? sinkRate(scores, threshold) : null,
  };
}

/** One plan's smoothing by depth. */
export function smoothedOf(
  drop: DropPlan,
  embedding: readonly Smoothing[],
  layers: readonly LayerSmoothing[],
): Smoothed {
  const each = <T>(of: (name: SmoothingName) => T) =>
    Object.fromEntries(SMOOTHING_NAMES.map((name) => [name, of(name)])) as Record<SmoothingName, T>;
  const curve = (kind: "attention" | "mlp") =>
    each((name) => {
      const samples = layers.map((layer) => (layer[kind] ?? []).map((sample) => sample[name]));
      return {
        mean: samples.map(finiteMean),
        standardError: samples.map((values) => standardError(values.filter(Number.isFinite))),
      };
    });
  return {
    drop: { attention: [...drop.attention], mlp: [...drop.mlp] },
    embedding: each((name) => finiteMean(embedding.map((sample) => sample[name]))),
    attention: curve("attention"),
    mlp: curve("mlp"),
  };
}

/** How far each update of layer l moved, ‖u − u_full‖ / ‖u_full‖, for layers after the dropped one. */
export function effectRow(
  dropped: number,
  layers: readonly LayerEffects[],
  kind: "attention" | "mlp",
): (number | null)[] {
  return layers.map((layer, l) => {
    const sums = layer[kind];
    return l > dropped && sums && sums.reference > 0 ? Math.sqrt(sums.difference / sums.reference) : null;
  });
}

/** How long the updates of a kind are, and how much that varies. */
export function updateNorms(
  layers: readonly LayerNorms[],
  kind: "attention" | "mlp",
): Pick<Causes["attention"], "norm" | "normSpread"> {
  const means = layers.map(({ [kind]: sums }) => sums ? sums.norm / sums.tokens : null);
  const spreads = layers.map(({ [kind]: sums }, l) => {
    const norm = means[l];
    return sums && norm ? Math.sqrt(Math.max(0, sums.square / sums.tokens - norm ** 2)) / norm : null;
  });
  return { norm: means, normSpread: spreads };
}

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

/** The mean of the values that are numbers; null of none. */
function finiteMean(values: readonly number[]): number | null {
  const finite = values.filter(Number.isFinite);
  return finite.length ? mean(finite) : null;
}
