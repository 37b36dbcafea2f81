/** Two profiles side by side: which modules both would drop, and how alike their rankings are. */
import { spearman } from "../measure/mod.ts";
import type { Profile } from "../result/mod.ts";
import { rank } from "./plan.ts";

/** How alike two profiles order one kind of module. */
export interface Agreement {
  /** Share of common modules among the n lowest of each, for n = 1 … L. */
  readonly overlap: readonly number[];
  /** Spearman's rank correlation of importance. */
  readonly rankCorrelation: number;
  /** Largest absolute difference of importance. */
  readonly largestDifference: number;
}

/** A comparison as JSON. */
export interface Comparison {
  readonly kind: "compare";
  readonly models: readonly [string, string];
  readonly attention: Agreement;
  readonly mlp: Agreement;
  readonly block: Agreement;
}

/** Compares profiles of models with equally many layers. */
export function compare(a: Profile, b: Profile): Comparison {
  const [layersA, layersB] = [a.provenance.model.layers, b.provenance.model.layers];
  if (layersA !== layersB) throw new RangeError(`Cannot compare ${layersA} layers with ${layersB}`);
  const agreement = (kind: "attention" | "mlp" | "block"): Agreement => {
    const pairs = a[kind].importance.flatMap((value, l) => {
      const other = b[kind].importance[l];
      return value === null || other === null ? [] : [[value, other] as const];
    });
    const layers = (profile: Profile) => rank(profile, kind).map(({ layer }) => layer);
    const [first, second] = [layers(a), layers(b)];
    return {
      overlap: pairs.map((_, i) => {
        const chosen = new Set(first.slice(0, i + 1));
        return second.slice(0, i + 1).filter((layer) => chosen.has(layer)).length / (i + 1);
      }),
      rankCorrelation: spearman(pairs.map(([x]) => x), pairs.map(([, y]) => y)),
      largestDifference: Math.max(0, ...pairs.map(([x, y]) => Math.abs(x - y))),
    };
  };
  return {
    kind: "compare",
    models: [a.provenance.model.name, b.provenance.model.name],
    attention: agreement("attention"),
    mlp: agreement("mlp"),
    block: agreement("block"),
  };
}
