/** A result of the study of causes made up for tests: any number of layers and heads, with modules left out. */
import { eachOf } from "core/entry/mod.ts";
import { PATTERN_NAMES, SMOOTHING_NAMES, type SmoothingName } from "core/measure/mod.ts";
import { CAUSE_NAMES, type Causes, causesKind } from "features/causes/mod.ts";
import { head } from "core/result/mod.ts";
import { provenance, type Shape } from "./synthetic.ts";

const record = <K extends string, T>(names: readonly K[], of: (name: K, i: number) => T) =>
  Object.fromEntries(names.map((name, i) => [name, of(name, i)])) as Record<K, T>;

/** Values that fall with depth, none alike, attention's below the MLP's. */
export function causes(
  shape: Shape,
  { heads = 3, effects = true, norm = "pre" as Causes["norm"] } = {},
): Causes {
  const { layers, attention = [], mlp = [], scale = 1 } = shape;
  const list = (absent: readonly number[], of: (layer: number) => number) =>
    Array.from({ length: layers }, (_, l) => absent.includes(l) ? null : of(l));
  const modules = (size: number, absent: readonly number[]) => ({
    importance: list(absent, (l) => scale * size * (1 + 0.1 * Math.sin(3 * l)) / (1 + l)),
    relativeMagnitude: list(absent, (l) => Math.sqrt(2 * scale * size / (1 + l))),
    largestRelativeMagnitude: list(absent, (l) => 2 * Math.sqrt(2 * scale * size / (1 + l))),
    shareAbove2: list(absent, () => 0),
    sign: list(absent, (l) => Math.sin(l)),
    directions: eachOf(
      ["alpha", "beta", "along", "turning"] as const,
      () => list(absent, (l) => size / (2 + l)),
    ),
    norm: list(absent, (l) => size * (3 + l)),
    normSpread: list(absent, (l) => 0.1 + 0.01 * l),
  });
  const curves = (level: number, absent: readonly number[]) =>
    record(SMOOTHING_NAMES, (name: SmoothingName) => ({
      mean: list(absent, (l) => (name === "participationRatio" ? 20 : 0.5) * (level + l) / (1 + layers)),
      standardError: list(absent, () => 0.01),
    }));
  const first = (length: number) => Array.from({ length }, (_, i) => i);
  const smoothed = (n: { attention: number; mlp: number }) => ({
    drop: { attention: first(n.attention), mlp: first(n.mlp) },
    embedding: record(SMOOTHING_NAMES, (_, i) => 0.25 + i),
    attention: curves(0.9 + 0.01 * n.attention, attention),
    mlp: curves(1 + 0.1 * n.mlp, mlp),
    // Told from the full model for MLPs alone.
    change: { value: 0.01 * n.mlp, low: 0.01 * n.mlp - 0.02, high: 0.01 * n.mlp + 0.02 },
  });
  const reach = (dropped: readonly number[], moved: readonly number[], size: number) =>
    first(layers).map((s) =>
      first(layers).map((l) =>
        l <= s || dropped.includes(s) || moved.includes(l) ? null : size * (1 + s) / (1 + l)
      )
    );
  const own = { attention: modules(0.2, attention), mlp: modules(0.5, mlp) };
  const reaches = (dropped: readonly number[], size: number) => ({
    attention: reach(dropped, attention, size),
    mlp: reach(dropped, mlp, size),
  });
  return {
    ...head(causesKind),
    provenance: {
      ...provenance(shape),
      causes: {
        queryStride: 1,
        drops: [0, 4, 8],
        sink: { samples: 4, length: 64, threshold: 0.3 },
        effects: effects ? { samples: 2, length: 64 } : null,
      },
    },
    tokens: 4 * 64,
    norm,
    streamNorm: list(attention.filter((l) => mlp.includes(l)), (l) => 1 + l),
    ...own,
    patterns: record(
      PATTERN_NAMES,
      (_, i) =>
        first(layers).map((l) =>
          attention.includes(l) ? null : first(heads).map((h) => (1 + h + l + i) / (heads + layers + 8))
        ),
    ),
    sink: { score: Array.from({ length: layers }, () => null), rate: 0.5 },
    smoothing: [
      smoothed({ attention: 0, mlp: 0 }),
      ...[4, 8].map((n) => smoothed({ attention: n, mlp: 0 })),
      ...[4, 8].map((n) => smoothed({ attention: 0, mlp: n })),
    ],
    effectiveRank: { embedding: 40, layers: list([], (l) => 30 - l) },
    massive: {
      places: 1,
      largest: [{
        ...{ layer: 0, position: 0, dimension: 5, value: -1234, samples: 4 },
        writer: { module: "mlp", layer: 0, added: -1200 },
      }],
    },
    effects: effects ? { attention: reaches(attention, 0.2), mlp: reaches(mlp, 0.6) } : null,
    correlations: (["attention", "mlp"] as const).flatMap((module) =>
      CAUSE_NAMES.filter((cause) => module === "attention" || !PATTERN_NAMES.some((name) => name === cause))
        .map((cause, i) => ({
          ...{ module, cause, layers },
          values: cause === "relativeMagnitude"
            ? own[module].relativeMagnitude
            : list([], (l) => (1 + l) / (i + layers)),
          rank: layers > 1 ? (cause === "relativeMagnitude" ? 0.9 : -0.3) : null,
          low: layers > 3 ? -0.6 : null,
          high: layers > 3 ? 0.95 : null,
        }))
    ),
  };
}
