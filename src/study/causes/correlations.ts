/**
 * How each cause correlates with importance over the layers of a model: Spearman's correlation with its interval.
 *
 * Attention: its pattern (means over heads, claim C5), how similar the tokens are that it reads (C6), the size of its update
 * relative to the stream (C7). The MLP: the last two.
 */
import {
  type LayerModule,
  mean,
  MODULES,
  rankInterval,
  SMOOTHING_NAMES,
  type SmoothingName,
  spearman,
} from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { CAUSE_NAMES, type CauseCorrelation, type CauseName, type Causes } from "../../result/mod.ts";

/** What the correlations are made from. */
export type Measured = Pick<Causes, "attention" | "mlp" | "patterns" | "smoothing">;

/** Every correlation that there is. */
export function correlationsOf(measured: Measured, layers: ModelSpec["layers"]): CauseCorrelation[] {
  return MODULES.flatMap((module) =>
    CAUSE_NAMES.flatMap((cause) => {
      const values = causeByLayer(measured, layers, module, cause);
      return values ? [correlationOf(module, cause, values, measured[module].importance)] : [];
    })
  );
}

/** A cause's value for each layer's module [L], or null where the module has no such cause. */
function causeByLayer(
  { patterns, smoothing: [full], ...modules }: Measured,
  layers: ModelSpec["layers"],
  module: LayerModule,
  cause: CauseName,
): (number | null)[] | null {
  if (cause === "relativeMagnitude") return modules[module].relativeMagnitude;
  if (isSmoothing(cause)) return readStream(full, layers, module, cause);
  if (module === "mlp") return null;
  return patterns[cause].map((heads) => {
    const values = (heads ?? []).filter((value) => value !== null);
    return values.length ? mean(values) : null;
  });
}

/** Smoothing of the stream that a module reads: what the modules before it left. */
function readStream(
  full: Causes["smoothing"][number],
  layers: ModelSpec["layers"],
  module: LayerModule,
  name: SmoothingName,
): (number | null)[] {
  let stream = full.embedding[name];
  return layers.map(({ residual }, l) => {
    const [entering, between] = [stream, full.attention[name].mean[l]];
    stream = full.mlp[name].mean[l] ?? between ?? stream;
    return module === "mlp" && residual === "sequential" ? between ?? entering : entering;
  });
}

function correlationOf(
  module: LayerModule,
  cause: CauseName,
  values: readonly (number | null)[],
  importance: readonly (number | null)[],
): CauseCorrelation {
  const pairs = values.flatMap((value, l) => {
    const other = importance[l];
    return value === null || other === null ? [] : [[value, other] as const];
  });
  const rank = spearman(pairs.map(([value]) => value), pairs.map(([, other]) => other));
  const [low, high] = rankInterval(rank, pairs.length) ?? [null, null];
  return {
    module,
    cause,
    values: [...values],
    rank: Number.isNaN(rank) ? null : rank,
    low,
    high,
    layers: pairs.length,
  };
}

function isSmoothing(cause: CauseName): cause is SmoothingName {
  return (SMOOTHING_NAMES as readonly string[]).includes(cause);
}
